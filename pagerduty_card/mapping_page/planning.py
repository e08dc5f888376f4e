"""What an application would write, read anew from the database: lines, and what is left out.

Links or overlays; a catalog file is never edited. The same plan is made for the preview and, in
the transaction that writes, for the application.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from catalog.editing import overlays
from catalog.editing.overlays import Value
from catalog.models import Entity, Overlay
from pagerduty_card.accounts import DEFAULT_ACCOUNT
from pagerduty_card.mapping import resolving
from pagerduty_card.mapping.resolving import (
    ACCOUNT,
    INTEGRATION_KEY,
    SERVICE_ID,
    Mapped,
    ProblemKind,
    account_named_by,
    annotation_text,
)
from pagerduty_card.mapping_page.choosing import Pick
from pagerduty_card.models import Service
from portal.secret_shapes import mask

_NOT_THERE = {
    ProblemKind.UNKNOWN_ACCOUNT,
    ProblemKind.OTHER_ACCOUNT,
    ProblemKind.ODD_SERVICE_ID,
    ProblemKind.NO_SUCH_SERVICE,
    ProblemKind.NO_SUCH_KEY,
}
_ANNOTATION = Overlay.Field.ANNOTATION.value
_ONE_ACCOUNT = "Annotations name services of one account only; apply it as a link."


class Way(StrEnum):
    """How a mapping is written."""

    LINK = "link"
    OVERLAY = "overlay"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One mapping to write.

    Attributes:
        entity: With its descriptor.
        now: What the entity names at present, in words, keys masked.
        seen: Digest of everything it follows from; another one: it changed meanwhile.
        before, written: Of an overlay, annotations by key: what lies there, what will.
        replaced: What the overlay puts out of force, in words.
        note: What the person should know before it is written.
    """

    entity: Entity
    service: Service
    way: Way
    now: tuple[str, ...]
    seen: str
    before: Mapping[str, str | None] = field(default_factory=dict)
    written: Mapping[str, str] = field(default_factory=dict)
    replaced: str = ""
    note: str = ""

    @property
    def pick(self) -> Pick:
        """What it was made of."""
        return Pick(
            entity_ref=self.entity.ref,
            account=self.service.account,
            service_pd_id=self.service.pd_id,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A choice that is not written, and why."""

    pick: Pick
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What would be written, and what would not."""

    lines: tuple[Line, ...]
    skipped: tuple[Skipped, ...]


@dataclass(slots=True, kw_only=True)
class Present:
    """What one entity names now, and what lies over its file; changes as lines are planned.

    Attributes:
        absent: What its annotations name and is not there.
        dropped: What new annotations would put out of force: that, and a key of no known service.
    """

    entity: Entity
    mapped: Sequence[Mapped]
    laid: dict[tuple[str, str], str]
    account: str = ""
    ids: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Keep the annotations' services, all but those that are not there or not known yet."""
        self.account = account_named_by(self.entity.annotations)
        for one in self.mapped:
            if one.target.is_link:
                continue
            is_absent = one.problem and one.problem.kind in _NOT_THERE
            if is_absent:
                self.absent.append(named(one))
            if is_absent or not one.service_pd_id:
                self.dropped.append(named(one))
            elif one.target.account == self.account:
                self.ids.append(one.service_pd_id)

    @property
    def seen(self) -> str:
        """Digest of what a line for this entity follows from."""
        annotations = [
            annotation_text(self.entity.annotations, key)
            for key in (SERVICE_ID, INTEGRATION_KEY, ACCOUNT)
        ]
        targets = [(m.target.account, m.service_pd_id) for m in self.mapped]
        return hashlib.sha256(repr((annotations, targets)).encode()).hexdigest()[:16]

    def has(self, service: Service) -> bool:
        """Whether the entity maps to the service already."""
        place = (service.account, service.pd_id)
        return any((one.target.account, one.service_pd_id) == place for one in self.mapped)

    def add(self, service: Service) -> dict[str, str] | None:
        """The annotations that name this service too; None where they cannot."""
        if self.ids and service.account != self.account:
            return None
        self.account = service.account
        if service.pd_id not in self.ids:
            self.ids.append(service.pd_id)
        written = {SERVICE_ID: ",".join(self.ids)}
        if self.account != account_named_by(self.entity.annotations):
            written[ACCOUNT] = self.account
        return written

    def lay(self, written: Mapping[str, str]) -> dict[str, str | None]:
        """Note the annotations as laid over the file; what lay there before."""
        before = {key: self.laid.get((_ANNOTATION, key)) for key in written}
        self.laid |= {(_ANNOTATION, key): value for key, value in written.items()}
        return before

    @property
    def values(self) -> list[Value]:
        """Everything that lies over the file."""
        return [Value(field=f, key=k, value=v) for (f, k), v in self.laid.items()]


def named(one: Mapped) -> str:
    """A service as an entity names it, in words."""
    target = one.target
    text = one.service_pd_id or f"integration key {mask(target.integration_key)}"
    return text if target.account == DEFAULT_ACCOUNT else f"{text} of account {target.account}"


def present_of(refs: Iterable[str], *, is_locked: bool = False) -> dict[str, Present]:
    """What these entities name now, by reference; eight queries however many.

    Args:
        refs: Those that are gone are left out.
        is_locked: Nobody else changes them until the transaction ends, where the database can.
    """
    rows = Entity.objects.select_for_update() if is_locked else Entity.objects.all()
    entities = list(rows.filter(ref__in=set(refs)).order_by("pk"))
    resolved = resolving.resolve_many(entities)
    laid = overlays.overlays_of(entity.ref for entity in entities)
    return {
        entity.ref: Present(
            entity=entity,
            mapped=resolved[entity.pk],
            laid={(row.field, row.key): row.value for row in laid.get(entity.ref, ())},
        )
        for entity in entities
    }


def make_plan(picks: Sequence[Pick], way: Way, *, is_locked: bool = False) -> Plan:
    """What writing these would do now; ten queries however many.

    Args:
        picks: Each once.
        way: For all of them.
        is_locked: For whoever writes it in the same transaction.
    """
    present = present_of((pick.entity_ref for pick in picks), is_locked=is_locked)
    digests = {ref: one.seen for ref, one in present.items()}
    rows = Service.objects.filter(pd_id__in={pick.service_pd_id for pick in picks}).order_by()
    services = {(one.account, one.pd_id): one for one in rows}
    lines: list[Line] = []
    skipped: list[Skipped] = []
    for pick in picks:
        own = present.get(pick.entity_ref)
        service = services.get((pick.account, pick.service_pd_id))
        line: Line | str
        if own is None:
            line = "The entity is no longer in the catalog."
        elif service is None:
            line = "PagerDuty has this service no longer."
        elif own.has(service):
            line = "It maps to this service already."
        else:
            line = _line(own, service, way, digests[pick.entity_ref])
        if isinstance(line, Line):
            lines.append(line)
        else:
            skipped.append(Skipped(pick=pick, why=line))
    return Plan(lines=tuple(lines), skipped=tuple(skipped))


def _line(own: Present, service: Service, way: Way, seen: str) -> Line | str:
    now = tuple(named(one) for one in own.mapped)
    if way is Way.LINK:
        note = f"What its annotation names is still not there: {', '.join(own.absent)}."
        return Line(
            entity=own.entity,
            service=service,
            way=way,
            now=now,
            seen=seen,
            note=note if own.absent else "",
        )
    account, ids = own.account, [*own.ids]
    written = own.add(service)
    if written is None:
        return _ONE_ACCOUNT
    laid = dict(own.laid)
    before = own.lay(written)
    if found := overlays.breaches(own.entity, own.values):
        own.account, own.ids, own.laid = account, ids, laid
        return "; ".join(map(overlays.breach_text, found))
    return Line(
        entity=own.entity,
        service=service,
        way=way,
        now=now,
        seen=seen,
        before=before,
        written=written,
        replaced=", ".join(own.dropped),
    )
