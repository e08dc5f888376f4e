"""Write what was previewed, in one transaction, and undo it: links and overlays, never files."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from catalog import versions
from catalog.editing import overlays
from catalog.editing.overlays import InvalidOverlay, Value
from catalog.models import Entity, Overlay
from pagerduty_card.mapping.remapping import remap
from pagerduty_card.mapping_page.choosing import Pick
from pagerduty_card.mapping_page.planning import Line, Plan, Skipped, Way, make_plan
from pagerduty_card.models import MappingChange, ServiceLink

if TYPE_CHECKING:
    from django.contrib.auth.models import User

_ANNOTATION = Overlay.Field.ANNOTATION.value
_CHANGED = "Its mapping was changed since the preview; look at it anew."
_LABEL_LENGTH = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """What somebody saw in a preview and agreed to.

    Attributes:
        key: Of that preview: the same key again is the same application.
        seen: What each entity followed from at the preview, by pick.
        labels: By pick; of links alone.
    """

    key: str
    way: Way
    seen: Mapping[Pick, str]
    labels: Mapping[Pick, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What became of it.

    Attributes:
        change: None where there was nothing to write.
        is_again: Whether it had been applied before, and nothing was written now.
    """

    change: MappingChange | None
    skipped: tuple[Skipped, ...] = ()
    is_again: bool = False


def apply_plan(agreed: Agreed, user: "User") -> Applied:
    """Write what still is as it was previewed; all of it or, if anything fails, nothing."""
    try:
        with transaction.atomic():
            planned = make_plan(list(agreed.seen), agreed.way, is_locked=True)
            # Now that the rows are held: whoever sent the same preview is through with them.
            if change := MappingChange.objects.filter(key=agreed.key).first():
                return Applied(change=change, is_again=True)
            plan = _still_as_seen(planned, agreed.seen)
            if not plan.lines:
                return Applied(change=None, skipped=plan.skipped)
            change = MappingChange.objects.create(
                key=agreed.key, made_by=user, lines=[_record(o, agreed) for o in plan.lines]
            )
            if agreed.way is Way.LINK:
                _write_links(plan.lines, agreed.labels)
                remap(line.entity.pk for line in plan.lines)
            else:
                _write_overlays(plan.lines, user)
            versions.bump()
            return Applied(change=change, skipped=plan.skipped)
    except IntegrityError:
        # The same preview sent twice at the very same time: the other one wrote it.
        change = MappingChange.objects.filter(key=agreed.key).first()
        if change is None:
            raise
        return Applied(change=change, is_again=True)


def _still_as_seen(plan: Plan, seen: Mapping[Pick, str]) -> Plan:
    changed = {line.entity.ref for line in plan.lines if line.seen != seen[line.pick]}
    late = [Skipped(pick=o.pick, why=_CHANGED) for o in plan.lines if o.entity.ref in changed]
    return Plan(
        lines=tuple(line for line in plan.lines if line.entity.ref not in changed),
        skipped=(*plan.skipped, *late),
    )


def _record(line: Line, agreed: Agreed) -> dict[str, Any]:
    is_overlay = line.way is Way.OVERLAY
    return {
        "entity_ref": line.entity.ref,
        "way": line.way.value,
        "account": line.service.account,
        "service_pd_id": line.service.pd_id,
        "service_name": line.service.name,
        "label": "" if is_overlay else _label(agreed.labels, line.pick),
        "before": dict(line.before) if is_overlay else None,
        "written": dict(line.written) if is_overlay else None,
    }


def _label(labels: Mapping[Pick, str], pick: Pick) -> str:
    return labels.get(pick, "").replace("\x00", "").strip()[:_LABEL_LENGTH]


def _write_links(lines: Iterable[Line], labels: Mapping[Pick, str]) -> None:
    ServiceLink.objects.bulk_create(
        ServiceLink(
            entity=line.entity,
            account=ServiceLink.stored_account(line.service.account),
            service_pd_id=line.service.pd_id,
            label=_label(labels, line.pick),
        )
        for line in lines
    )


def _write_overlays(lines: Iterable[Line], user: "User") -> None:
    by_entity: dict[str, tuple[Entity, dict[str, str]]] = {}
    for line in lines:
        _, written = by_entity.setdefault(line.entity.ref, (line.entity, {}))
        written.update(line.written)
    for entity, written in by_entity.values():
        laid = {(one.field, one.key): one for one in overlays.values_of(entity)}
        laid |= {
            (_ANNOTATION, key): Value(field=_ANNOTATION, key=key, value=value)
            for key, value in written.items()
        }
        overlays.replace_overlays(entity, list(laid.values()), user=user)


def undo(pk: int, user: "User") -> MappingChange:
    """Take back what still stands as it was written; each line left alone says why.

    Raises:
        MappingChange.DoesNotExist: There is no such application.
    """
    with transaction.atomic():
        change = MappingChange.objects.select_for_update().get(pk=pk)
        if change.undone_at:
            return change
        by_entity: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for line in change.lines:
            by_entity[line["entity_ref"]].append(line)
        rows = Entity.objects.select_for_update().filter(ref__in=by_entity).order_by("pk")
        entities = {entity.ref: entity for entity in rows}
        for ref, lines in by_entity.items():
            links = [line for line in lines if line["way"] == Way.LINK]
            _undo_links(entities.get(ref), links)
            if laid := [line for line in lines if line["way"] == Way.OVERLAY]:
                _undo_overlays(ref, entities.get(ref), laid, user)
        change.undone_at, change.undone_by = timezone.now(), user
        change.save(update_fields=["lines", "undone_at", "undone_by"])
        remap(entity.pk for entity in entities.values())
        versions.bump()
    return change


def _undo_links(entity: Entity | None, lines: Sequence[dict[str, Any]]) -> None:
    for line in lines:
        if entity is None:
            line["left"] = "The entity is no longer in the catalog, nor is its link."
            continue
        found = ServiceLink.objects.filter(
            entity=entity,
            account=ServiceLink.stored_account(line["account"]),
            service_pd_id=line["service_pd_id"],
        ).first()
        if found is None:
            line["left"] = "Somebody took the link away already."
        elif found.label != line["label"]:
            line["left"] = "Somebody changed the link's label since."
        else:
            found.delete()


def _undo_overlays(
    ref: str, entity: Entity | None, lines: Sequence[dict[str, Any]], user: "User"
) -> None:
    """Backwards: a later line was laid over an earlier one of the same entity."""
    laid = {(row.field, row.key): row.value for row in Overlay.objects.filter(entity_id=ref)}
    taken = []
    for line in reversed(lines):
        if any(laid.get((_ANNOTATION, key)) != v for key, v in line["written"].items()):
            line["left"] = "Somebody changed the overlay since."
            continue
        for key, value in line["before"].items():
            if value is None:
                del laid[_ANNOTATION, key]
            else:
                laid[_ANNOTATION, key] = value
        taken.append(line)
    if not taken:
        return
    if entity is None:
        _put_back(ref, laid, taken)
        return
    values = [Value(field=field, key=key, value=value) for (field, key), value in laid.items()]
    try:
        overlays.replace_overlays(entity, values, user=user)
    except InvalidOverlay as exc:
        for line in taken:
            line["left"] = f"Without it the entity would break a rule: {exc}"


def _put_back(
    ref: str, laid: Mapping[tuple[str, str], str], taken: Iterable[dict[str, Any]]
) -> None:
    """Of an entity that is gone the overlays remain, and would be in force when it comes back."""
    rows = Overlay.objects.filter(entity_id=ref, field=_ANNOTATION)
    for key in {key for line in taken for key in line["written"]}:
        if (_ANNOTATION, key) in laid:
            rows.filter(key=key).update(value=laid[_ANNOTATION, key])
        else:
            rows.filter(key=key).delete()
