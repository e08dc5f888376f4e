"""Which PagerDuty services an entity names, and where: its annotations, and links to it."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.db.models import Prefetch, prefetch_related_objects

from catalog.models import Entity, file_and_line
from pagerduty_card.accounts import DEFAULT_ACCOUNT
from pagerduty_card.models import Mapping as MappingRow
from pagerduty_card.models import ServiceLink

INTEGRATION_KEY = "pagerduty.com/integration-key"
SERVICE_ID = "pagerduty.com/service-id"
ACCOUNT = "pagerduty.com/account"

LINK_PLACE = "a link in the admin"
OVERLAY_PLACE = "an overlay in the admin"
_LOCAL_PLACE = "the admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One PagerDuty service as an entity names it.

    Attributes:
        account: Name of the account, ``default`` when the entity names none.
        service_pd_id: PagerDuty's id; empty when only a key was written.
        integration_key: The key, a secret; empty when only an id was written.
        label: Distinguishes several services of one entity; may be empty.
        place: Where the id was written, or the key without an id: ``file:line``, or in words.
        key_place, account_place: Where the key and the account were written; may be empty.
        repeated_at: Where the same service is named once more; empty when it is not.
        shares_key: Whether the key was written beside several ids and so is of one of them.
        is_link: Whether it was made in the admin, and not written as an annotation.
        problem, service_pk, other_pk, key_owner_pk: As stored, see ``Mapping``.
        found_pd_id: PagerDuty's id of the stored service.
    """

    account: str
    service_pd_id: str = ""
    integration_key: str = field(default="", repr=False)
    label: str = ""
    place: str = ""
    key_place: str = ""
    account_place: str = ""
    repeated_at: str = ""
    shares_key: bool = False
    is_link: bool = False
    problem: str = ""
    service_pk: int | None = None
    other_pk: int | None = None
    key_owner_pk: int | None = None
    found_pd_id: str = ""


def targets_of(entity: Entity) -> list[Target]:
    """The services an entity names, annotations first; one query, the first time."""
    return targets_of_many([entity])[entity.pk]


def forget_targets(entity: Entity) -> None:
    """Let the next one who asks for the services of an entity see what is stored then."""
    vars(entity).get("_prefetched_objects_cache", {}).pop("mappings", None)


def targets_of_many(entities: Iterable[Entity]) -> dict[int, list[Target]]:
    """The services that each entity names, by primary key; one query however many.

    Entities need their ``descriptor`` loaded: it alone has the integration keys.
    """
    given = list({entity.pk: entity for entity in entities}.values())
    # Kept with the entity: the parts of one page ask again, and cost no further query.
    rows = MappingRow.objects.select_related("service")
    prefetch_related_objects(given, Prefetch("mappings", rows))
    return {entity.pk: _stored_targets(entity) for entity in given}


def _stored_targets(entity: Entity) -> list[Target]:
    rows = list(entity.mappings.all())
    by_id = [row for row in rows if row.service_pd_id and row.origin != row.Origin.LINK]
    key = annotation_text(entity.annotations, INTEGRATION_KEY) if rows else ""
    return [
        Target(
            account=row.account,
            service_pd_id=row.service_pd_id,
            integration_key=key if row.key_digest and digest_of(key) == row.key_digest else "",
            label=row.label,
            place=row.place,
            key_place=row.key_place,
            account_place=row.account_place,
            repeated_at=row.repeated_at,
            shares_key=row in by_id and len(by_id) > 1,
            is_link=row.origin == row.Origin.LINK,
            problem=row.problem,
            service_pk=row.service_id,
            other_pk=row.other_id,
            key_owner_pk=row.key_owner_id,
            found_pd_id=row.service.pd_id if row.service else "",
        )
        for row in rows
    ]


def written_targets(entities: Iterable[Entity]) -> dict[int, list[Target]]:
    """What annotations and links name now, by primary key of the entity; for ``remapping`` alone.

    The same service named twice counts once: a link to a service that an annotation names gives
    it its label. One query however many.
    """
    given = list(entities)
    targets = {entity.pk: _of_annotations(entity) for entity in given}
    links = ServiceLink.objects.order_by("label", "pk")
    prefetch_related_objects(given, Prefetch("service_links", links))
    for entity in given:
        for link in entity.service_links.all():
            _add_link(targets[entity.pk], link)
    return targets


def annotation_text(annotations: Mapping[str, object], key: str) -> str:
    """An annotation without blanks around it; empty where there is none, or no text."""
    value = annotations.get(key)
    return value.strip() if isinstance(value, str) else ""


def account_named_by(annotations: Mapping[str, object]) -> str:
    """The account whose services these annotations name."""
    return annotation_text(annotations, ACCOUNT) or DEFAULT_ACCOUNT


def digest_of(integration_key: str) -> str:
    """What stands for an integration key where the key itself must not be."""
    return hashlib.sha256(integration_key.encode()).hexdigest()[:32]


def _add_link(targets: list[Target], link: ServiceLink) -> None:
    target = Target(
        account=link.account_name,
        service_pd_id=link.service_pd_id.strip(),
        label=link.label,
        place=LINK_PLACE,
        account_place=LINK_PLACE,
        is_link=True,
    )
    for number, named in enumerate(targets):
        if (named.account, named.service_pd_id) == (target.account, target.service_pd_id):
            is_for_label = target.label and not named.label
            targets[number] = (
                replace(named, label=target.label)
                if is_for_label
                else replace(named, repeated_at=LINK_PLACE)
            )
            return
    targets.append(target)


def _of_annotations(entity: Entity) -> list[Target]:
    annotations = entity.annotations
    key = annotation_text(annotations, INTEGRATION_KEY)
    written = _words(annotation_text(annotations, SERVICE_ID))
    if not written and not key:
        return []
    places = _places(entity)
    common: dict[str, Any] = {
        "account": account_named_by(annotations),
        "integration_key": key,
        "key_place": places[INTEGRATION_KEY] if key else "",
        "account_place": places[ACCOUNT] if annotation_text(annotations, ACCOUNT) else "",
    }
    if not written:
        return [Target(place=places[INTEGRATION_KEY], **common)]
    ids = list(dict.fromkeys(written))
    return [
        Target(
            service_pd_id=pd_id,
            place=places[SERVICE_ID],
            repeated_at=places[SERVICE_ID] if written.count(pd_id) > 1 else "",
            shares_key=len(ids) > 1,
            **common,
        )
        for pd_id in ids
    ]


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _places(entity: Entity) -> Mapping[str, str]:
    """Where each of the three annotations is written."""
    found = {}
    for key in (SERVICE_ID, INTEGRATION_KEY, ACCOUNT):
        line = entity.annotation_lines.get(key) or entity.source_line
        if entity.written is not None and _differs(entity, entity.written, key):
            found[key] = OVERLAY_PLACE
        elif not entity.source:
            found[key] = _LOCAL_PLACE
        else:
            found[key] = file_and_line(entity.source, line)
    return found


def _differs(entity: Entity, written: dict[str, Any], key: str) -> bool:
    """Whether an annotation in force is not the file's."""
    of_file = (written.get("metadata") or {}).get("annotations") or {}
    return bool(of_file.get(key) != entity.annotations.get(key))
