"""What people put over an entity's file: annotations, links, the owner; kept across imports.

An overlay sets a value. Taking the overlay away brings back what the file says.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from catalog.columns import entity_columns, write_details
from catalog.descriptor import schema
from catalog.descriptor.relations import FIELDS, declared
from catalog.descriptor.rules import Breach
from catalog.editing import history
from catalog.masking import Masker
from catalog.models import Entity, Overlay, Revision
from catalog.secrets import is_secret, mask
from catalog.versions import bump
from portal.batches import in_batches

if TYPE_CHECKING:
    from django.contrib.auth.models import User

Field = Overlay.Field


class InvalidOverlay(ValueError):
    """The value cannot be laid over the file's.

    Attributes:
        breaches: Every rule that the descriptor would break, each with its path; at least one.
    """

    def __init__(self, breaches: Sequence[Breach]) -> None:
        super().__init__("; ".join(map(breach_text, breaches)))
        self.breaches = tuple(breaches)


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One value to lay over: see ``Overlay`` for what each part means."""

    field: str
    key: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where one value of the descriptor in force comes from.

    Attributes:
        path: Where it stands, for example ``spec.owner``.
        value: What is in force, masked where it is secret.
        overlay: What set it; None where the file did.
        replaced: What the file says instead, masked; None where it says nothing.
    """

    path: str
    value: str
    overlay: Overlay | None = None
    replaced: str | None = None

    @property
    def by(self) -> str:
        """Who set it, as people call each other."""
        author = self.overlay.author if self.overlay else None
        return (author.get_full_name() or author.get_username()) if author else "a former user"


def breach_text(breach: Breach) -> str:
    """A broken rule in one line: its field, what is wrong, what to write."""
    hint = f" ({breach.hint})" if breach.hint else ""
    return f"{history.dotted(breach.path)}: {breach.message}{hint}"


def overlays_of(refs: Iterable[str]) -> dict[str, list[Overlay]]:
    """The overlays of each reference that has any. One query per 500 references."""
    found: dict[str, list[Overlay]] = {}
    for batch in in_batches(refs):
        for overlay in Overlay.objects.filter(entity_id__in=batch):
            found.setdefault(overlay.entity_id, []).append(overlay)
    return found


def apply_overlays(written: dict[str, Any], overlays: Sequence[Overlay | Value]) -> dict[str, Any]:
    """The descriptor in force: what was written, with the overlays over it. Pure.

    A link with a URL that the file has too gets the overlay's title; any other is added.

    Returns:
        A new map; of ``written`` nothing is changed.
    """
    descriptor = {**written, "metadata": {**written["metadata"]}}
    metadata = descriptor["metadata"]
    for overlay in overlays:
        match overlay.field:
            case Field.ANNOTATION:
                annotations = metadata.get("annotations") or {}
                metadata["annotations"] = {**annotations, overlay.key: overlay.value}
            case Field.LINK:
                metadata["links"] = _with_link(metadata.get("links") or [], overlay)
            case Field.OWNER:
                descriptor["spec"] = {**descriptor["spec"], "owner": overlay.value}
    return descriptor


def _with_link(links: Sequence[dict[str, Any]], overlay: Overlay | Value) -> list[dict[str, Any]]:
    title = {"title": overlay.value} if overlay.value else {}
    if any(link.get("url") == overlay.key for link in links):
        return [{**link, **title} if link.get("url") == overlay.key else link for link in links]
    return [*links, {"url": overlay.key, **title}]


def relations_of(descriptor: dict[str, Any]) -> list[list[str]]:
    """What a valid descriptor declares: pairs of type and target."""
    namespace = descriptor["metadata"].get("namespace", "default")
    relations, _bad = declared(descriptor["kind"], namespace, descriptor["spec"])
    return [[relation.type, relation.target] for relation in relations]


def may_have_owner(kind: str) -> bool:
    """Whether entities of this kind have an owner."""
    return any(field.name == "owner" for field in FIELDS.get(kind, ()))


def remove_overlay(overlay: Overlay, *, user: "User | None") -> None:
    """Take one value away; the file's comes back."""
    entity = Entity.objects.filter(ref=overlay.entity_id).first()
    if entity is None:
        overlay.delete()
        return
    own = values_of(entity)
    left = [one for one in own if (one.field, one.key) != (overlay.field, overlay.key)]
    replace_overlays(entity, left, user=user)


def values_of(entity: Entity) -> list[Value]:
    """What lies over the entity's file."""
    return [
        Value(field=row.field, key=row.key, value=row.value)
        for row in Overlay.objects.filter(entity_id=entity.ref)
    ]


def replace_overlays(entity: Entity, values: Sequence[Value], *, user: "User | None") -> bool:
    """Make these values the whole of what lies over the entity's file, in one transaction.

    Writes rows only for what differs; writes the history and the descriptor in force.

    Returns:
        Whether anything changed.

    Raises:
        InvalidOverlay: The descriptor would break a rule of the format; nothing is changed.
    """
    with transaction.atomic():
        entity = _locked(entity)
        rows = {(row.field, row.key): row for row in Overlay.objects.filter(entity_id=entity.ref)}
        wanted = {(value.field, value.key): value for value in values}
        if found := breaches(entity, values):
            raise InvalidOverlay(found)
        gone = [row for place, row in rows.items() if place not in wanted]
        set_anew = [
            value
            for place, value in wanted.items()
            if place not in rows or rows[place].value != value.value
        ]
        if not gone and not set_anew:
            return False
        Overlay.objects.filter(pk__in=[row.pk for row in gone]).delete()
        for value in set_anew:
            Overlay.objects.update_or_create(
                entity_id=entity.ref,
                field=value.field,
                key=value.key,
                defaults={"value": value.value, "author": user},
            )
        old = entity.descriptor
        set_columns(entity, entity.as_written, list(wanted.values()))
        entity.save()
        write_details([(entity, relations_of(entity.descriptor))], replaced=[entity.pk])
        history.record(
            history.revision(
                entity.ref,
                Revision.Action.OVERLAID,
                at=entity.changed_at,
                user=user,
                old=old,
                new=entity.descriptor,
                hidden=[entity.as_written],
            )
        )
        bump()
    return True


def _locked(entity: Entity) -> Entity:
    """The given entity, read anew and locked where the database can."""
    entity.refresh_from_db(from_queryset=Entity.objects.select_for_update())
    return entity


def set_columns(
    entity: Entity, written: dict[str, Any], overlays: Sequence[Overlay | Value]
) -> None:
    """Set the entity's columns from what was written and what lies over it; saves nothing."""
    effective = apply_overlays(written, overlays) if overlays else written
    for name, value in entity_columns(effective, written).items():
        setattr(entity, name, value)
    entity.written = written if overlays else None
    entity.changed_at = timezone.now()


def breaches(entity: Entity, values: Sequence[Value]) -> list[Breach]:
    """What the values would break that is not broken without them."""
    written = entity.as_written
    found = [breach for value in values for breach in _value_breaches(entity, value)]
    if found:
        return found
    effective = apply_overlays(written, values)
    known = {(breach.path, breach.message) for breach in schema.breaches(written)}
    found = [b for b in schema.breaches(effective) if (b.path, b.message) not in known]
    namespace = written["metadata"].get("namespace", "default")
    _relations, bad = declared(entity.kind, namespace, effective["spec"])
    return found + [Breach(b.path, b.message, b.hint) for b in bad if b.path[1] == "owner"]


def _value_breaches(entity: Entity, value: Value) -> list[Breach]:
    """What is wrong with a value before it is put anywhere."""
    path = _path(value)
    if "\0" in value.key or "\0" in value.value:
        return [Breach(path, "holds the character NUL", "delete it")]
    match value.field:
        case Field.OWNER if not may_have_owner(entity.kind):
            return [Breach(path, f"a {entity.kind} has no owner", "take it out")]
        case Field.ANNOTATION:
            twin = next(
                (
                    key
                    for key in (entity.as_written["metadata"].get("annotations") or {})
                    if key.lower() == value.key.lower() and key != value.key
                ),
                None,
            )
            if twin:
                text = f"the keys {twin!r} and {value.key!r} differ only in case"
                return [Breach(path, text, f"write {twin}")]
    return []


def _path(value: Overlay | Value) -> tuple[str, ...]:
    match value.field:
        case Field.ANNOTATION:
            return ("metadata", "annotations", value.key)
        case Field.LINK:
            return ("metadata", "links", value.key)
    return ("spec", "owner")


def maskers_of(rows: Iterable[Overlay]) -> dict[int, Masker]:
    """What hides the secrets of their entities in these rows, by primary key. Two queries.

    Of an entity that is gone, the secrets among its own overlays.
    """
    shown = list(rows)
    refs = {row.entity_id for row in shown}
    found: dict[str, list[dict[str, Any]]] = {ref: [] for ref in refs}
    for entity in Entity.objects.filter(ref__in=refs).only("ref", "descriptor", "written"):
        for one in (entity.descriptor, entity.as_written):
            found[entity.ref].append(one["metadata"].get("annotations") or {})
    for ref, laid in overlays_of(refs).items():
        found[ref].append({row.key: row.value for row in laid if row.field == Field.ANNOTATION})
    return {row.pk: Masker.of_annotations(*found[row.entity_id]) for row in shown}


def origins(entity: Entity) -> list[Origin]:
    """Where each annotation, link and the owner comes from, in that order. One query."""
    rows = Overlay.objects.filter(entity_id=entity.ref).select_related("author")
    overlays = {_path(row): row for row in rows}
    written, masker = _values(entity.as_written), Masker.of(entity)
    found = []
    for path, value in _values(entity.descriptor).items():
        overlay = overlays.get(path)
        before = written.get(path)
        found.append(
            Origin(
                path=masker.text(history.dotted(path)),
                value=_shown(path, value, masker),
                overlay=overlay,
                replaced=_shown(path, before, masker) if overlay and before is not None else None,
            )
        )
    return found


def _values(descriptor: dict[str, Any]) -> dict[tuple[str, ...], str]:
    """What an overlay can set, as it stands in a descriptor, by its path."""
    metadata, spec = descriptor.get("metadata") or {}, descriptor.get("spec") or {}
    found: dict[tuple[str, ...], str] = {}
    for key, value in (metadata.get("annotations") or {}).items():
        found["metadata", "annotations", key] = str(value)
    for link in metadata.get("links") or []:
        found["metadata", "links", str(link.get("url", ""))] = str(link.get("title", ""))
    if isinstance(spec.get("owner"), str) and may_have_owner(descriptor.get("kind", "")):
        found["spec", "owner"] = spec["owner"]
    return found


def _shown(path: tuple[str, ...], value: str, masker: Masker) -> str:
    if path[1] == "annotations" and is_secret(path[2]):
        return mask(value) if value else ""
    return masker.text(value)
