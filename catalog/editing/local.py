"""Entities that no file rules: made and edited in the admin."""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from catalog.columns import digest_of, write_details
from catalog.descriptor import Problem, parse
from catalog.editing import history
from catalog.editing.overlays import overlays_of, relations_of, set_columns
from catalog.models import Entity, Revision
from catalog.signals import entities_written
from catalog.versions import bump

if TYPE_CHECKING:
    from django.contrib.auth.models import User

logger = logging.getLogger(__name__)


class InvalidDescriptor(ValueError):
    """The text is not one descriptor that may be saved.

    Attributes:
        problems: Every reason, in the order of the text; at least one.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = tuple(problems)


def save_descriptor(text: str, *, entity: Entity | None, user: "User | None") -> Entity:
    """Save the one descriptor of the admin's form by the same rules as an import.

    Args:
        text: YAML or JSON, exactly one document.
        entity: The local entity that is edited; None to make one.
        user: Who saves it.

    Returns:
        The saved entity.

    Raises:
        InvalidDescriptor: The text breaks a rule, is not one document, changes the reference, or
            a file rules the entity.
    """
    if entity is not None and not entity.is_local:
        raise InvalidDescriptor(
            [
                _refusal(
                    f"{entity.ref} comes from {entity.source_place}",
                    "change it there, or use overlays",
                )
            ]
        )
    documents = [document for document in parse(text) if not document.is_empty]
    if len(documents) != 1:
        raise InvalidDescriptor([_refusal(f"holds {len(documents)} documents; write exactly one")])
    document = documents[0]
    if document.problems:
        raise InvalidDescriptor(document.problems)
    ref = str(document.ref)
    if entity is not None and entity.ref != ref:
        raise InvalidDescriptor(
            [
                _refusal(
                    f"this is {ref}, the entity is {entity.ref}",
                    "kind, namespace and name cannot change: add the other as a new entity",
                    line=document.line,
                )
            ]
        )
    with transaction.atomic():
        if entity is None and Entity.objects.filter(ref=ref).exists():
            raise InvalidDescriptor(
                [_refusal(f"{ref} exists already", "edit it instead", line=document.line)]
            )
        saved = entity or Entity(ref=ref)
        old = saved.descriptor if entity else None
        # A reference whose file went may have overlays: they hold here as well.
        set_columns(saved, document.data, overlays_of([ref]).get(ref, []))
        saved.digest = digest_of(document.data)
        saved.save()
        write_details([(saved, relations_of(saved.descriptor))], replaced=[saved.pk])
        if old != saved.descriptor:
            action = Revision.Action.CHANGED if entity else Revision.Action.CREATED
            history.record(
                history.revision(
                    ref, action, at=timezone.now(), user=user, old=old, new=saved.descriptor
                )
            )
        bump()
    logger.info("descriptor saved", extra={"ref": ref, "user": user.pk if user else None})
    return saved


def adopt(entity: Entity, *, user: "User | None") -> None:
    """Make an entity whose file went a local one: what is in force is now what is written.

    Raises:
        InvalidDescriptor: A location still has its document.
    """
    with transaction.atomic():
        entity.refresh_from_db(from_queryset=Entity.objects.select_for_update())
        if not entity.is_orphan:
            raise InvalidDescriptor([_refusal(f"{entity.ref} still has its file")])
        place = entity.source_place
        entity.location, entity.source, entity.source_line = None, "", None
        entity.annotation_lines, entity.reference_lines = {}, {}
        entity.orphaned_at, entity.written = None, None
        entity.digest = digest_of(entity.descriptor)
        entity.changed_at = timezone.now()
        entity.save()
        entity.overlays.all().delete()
        row = history.revision(entity.ref, Revision.Action.CHANGED, at=entity.changed_at, user=user)
        row.changes = [{"path": "source", "old": place, "new": "the admin"}]
        history.record(row)
        entities_written.send(Entity, pks=[entity.pk])
        bump()
    logger.info("entity adopted", extra={"ref": entity.ref, "user": user.pk if user else None})


def _refusal(message: str, hint: str = "", *, line: int = 1) -> Problem:
    return Problem(line=line, column=1, path="", message=message, hint=hint)
