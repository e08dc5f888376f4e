"""The board of those on call: by owner, each policy once, those that would page nobody first."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo

from django.http import HttpRequest

from catalog.links import EntityLink
from pagerduty_card.accounts import all_accounts
from pagerduty_card.boards.choosing import Chosen, choose, folded
from pagerduty_card.boards.doubts import DoubtLine, present_doubts, shown_of
from pagerduty_card.boards.naming import MINE, NO_OWNER, Named, name_entities, own_refs, values_of
from pagerduty_card.card.blocks import NO_POLICY, shifts_until
from pagerduty_card.estate import KEPT_S, Estate
from pagerduty_card.freshness import BEGINNING, Freshness
from pagerduty_card.freshness import UNKNOWN as NOTHING_KNOWN
from pagerduty_card.models import EscalationPolicy, Feed, OnCall, Service
from pagerduty_card.presenters.freshness import Answer, Moment, Reader, present_answer
from pagerduty_card.presenters.on_call import Link as Outside
from pagerduty_card.presenters.on_call import OnCallView, present_on_call
from portal.single_value_cache import SingleValueCache

NOBODY, UNKNOWN, SOMEBODY = "nobody", "unknown", "somebody"
_STANDINGS = {
    NOBODY: "Nobody on call",
    UNKNOWN: "Not known",
    SOMEBODY: "Somebody on call",
}
_FILTERS = {
    "standing": "On call",
    "mine": "Whose",
    "owner": "Owner",
    "person": "Person",
    "kind": "Kind",
    "account": "Account",
}
# By the estate's stamp and the seconds that it is kept for: thousands, for all readers the same.
_rows: SingleValueCache[tuple[str, int], list["PolicyRow"]] = SingleValueCache()


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRow:
    """One policy for one owner, before it is read whole.

    Attributes:
        policy: Primary key; None for a service without one.
        services: Primary keys of the owner's services with this policy.
        entities: The owner's entities that name them.
    """

    policy: int | None
    name: str
    standing: str
    owner: EntityLink | None
    owner_ref: str
    services: tuple[int, ...]
    entities: tuple[Named, ...]
    text: str
    values: Mapping[str, Mapping[str, str]]

    @property
    def heading(self) -> str:
        """What tells the part of the board it stands in apart."""
        if self.standing == NOBODY:
            return _STANDINGS[NOBODY]
        return self.owner.ref if self.owner else NO_OWNER


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyView:
    """One policy for one owner as the board prints it.

    Attributes:
        services: The owner's services with this policy.
    """

    row: PolicyRow
    on_call: OnCallView
    services: tuple[Outside, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OnCallBoard:
    """The board.

    Attributes:
        chosen: The rows that pass the filters.
        doubts: What is named and not mirrored, so that nobody knows who is on call.
        nobody, unknown: How many of all rows.
        has_services: Whether any entity names a service at all.
    """

    chosen: Chosen[PolicyRow]
    doubts: tuple[DoubtLine, ...]
    nobody: int
    unknown: int
    has_services: bool


def on_call_board(
    request: HttpRequest, found: Estate, reader: Reader, now: datetime
) -> OnCallBoard:
    """Read which policies the estate's services have and who holds them; five queries at most.

    Args:
        request: Tells the reader and the filters.
        found: The catalog as it stands.
        reader: What of the reader changes the words.
        now: The instant of reading (UTC).
    """
    absent = [doubt for doubt in found.doubts if not doubt.services]
    own = own_refs(request)
    rows = [
        replace(row, values={**row.values, "mine": MINE}) if row.owner_ref in own else row
        for row in _rows_of(found, now)
    ]
    return OnCallBoard(
        chosen=choose(rows, request.GET, _FILTERS, {"mine": MINE, "standing": _STANDINGS}),
        doubts=present_doubts(
            absent,
            name_entities(shown_of(absent)),
            all_accounts(),
            sentence="Who is on call for {} is {}",
            reader=reader,
            now=now,
        ),
        nobody=sum(row.standing == NOBODY for row in rows),
        unknown=sum(row.standing == UNKNOWN for row in rows),
        has_services=bool(found.entities),
    )


def read_policies(
    rows: Iterable[PolicyRow], reader: Reader, now: datetime, zone: tzinfo
) -> list[PolicyView]:
    """Read the policies of one page whole; three queries at most.

    Args:
        rows: Of one page.
        reader: What of the reader changes the words.
        now: The instant of reading (UTC).
        zone: The reader's time zone.
    """
    shown = list(rows)
    wanted = {pk for row in shown for pk in row.services}
    services = {
        service.pk: service
        for service in Service.objects.filter(pk__in=wanted).select_related("policy")
    }
    shifts: dict[int, list[OnCall]] = {}
    policies = {row.policy for row in shown if row.policy}
    for shift in OnCall.objects.filter(policy__in=policies).select_related("responder"):
        shifts.setdefault(shift.policy_id, []).append(shift)
    freshness = Feed.objects.freshness(services.values())
    return [
        _view(
            row,
            [services[pk] for pk in row.services if pk in services],
            shifts.get(row.policy or 0, []),
            freshness,
            reader,
            now,
            zone,
        )
        for row in shown
    ]


def _rows_of(found: Estate, now: datetime) -> list[PolicyRow]:
    """All rows in their order, for any reader; those that were just made, if they are still true.

    Three queries at most, or none.
    """
    key = (found.stamp, int(now.timestamp()) // KEPT_S)
    return _rows.get_or_set(key, lambda: _read_rows(found, now))


def _read_rows(found: Estate, now: datetime) -> list[PolicyRow]:
    keys = {pk for pks in found.by_service.values() for pk in pks}
    names = name_entities(keys)
    people = _people(now)
    columns = ("pk", "name", "account", "policy_id", "policy__name")
    groups: dict[tuple[str, object], list[tuple[int, str, str, str | None]]] = {}
    owned: dict[tuple[str, object], dict[int, None]] = {}
    places = {pk: place for place, pk in enumerate(names)}
    for pk, name, account, policy, policy_name in Service.objects.order_by("name").values_list(
        *columns
    ):
        for entity in found.by_service.get(pk, ()):
            if entity in names:
                # A service without a policy is a row of its own.
                key = (names[entity].owner_ref, policy or f"service {pk}")
                services = groups.setdefault(key, [])
                if (pk, name, account, policy_name) not in services:
                    services.append((pk, name, account, policy_name))
                owned.setdefault(key, {})[entity] = None
    rows = [
        _row(
            policy if isinstance(policy, int) else None,
            services,
            [names[pk] for pk in sorted(owned[(owner, policy)], key=places.__getitem__)],
            people.get(policy, ()) if isinstance(policy, int) else (),
            found,
        )
        for (owner, policy), services in groups.items()
    ]
    rows.sort(key=lambda row: (row.standing != NOBODY, not row.owner, _sorted_by(row)))
    return rows


def _people(now: datetime) -> dict[int, list[str]]:
    """Who holds each policy now."""
    found: dict[int, list[str]] = {}
    held = OnCall.objects.current(now).order_by("level", "responder__name")
    for policy, name in held.values_list("policy_id", "responder__name"):
        found.setdefault(policy, []).append(name)
    return found


def _row(
    policy: int | None,
    services: Sequence[tuple[int, str, str, str | None]],
    entities: Sequence[Named],
    people: Sequence[str],
    found: Estate,
) -> PolicyRow:
    if any(pk in found.silent for pk, *_ in services):
        standing = NOBODY
    elif people and not all(pk in found.unheard for pk, *_ in services):
        standing = SOMEBODY
    else:
        standing, people = UNKNOWN, ()
    name = services[0][3] or services[0][1]
    owner = entities[0].owner
    return PolicyRow(
        policy=policy,
        name=name,
        standing=standing,
        owner=owner,
        owner_ref=entities[0].owner_ref,
        services=tuple(pk for pk, *_ in services),
        entities=tuple(entities),
        text=folded(
            [
                name,
                owner.text if owner else NO_OWNER,
                *people,
                *(one[1] for one in services),
                *(word for one in entities for word in (one.name, str(one.node.ref))),
            ]
        ),
        values={
            **values_of(entities),
            "standing": {standing: _STANDINGS[standing]},
            "person": dict(zip(people, people, strict=True)),
            "account": {account: account for _, _, account, _ in services},
        },
    )


def _sorted_by(row: PolicyRow) -> tuple[str, str, str]:
    owner = row.owner
    # Two groups of one name are two parts, one after the other.
    return (owner.text.casefold() if owner else "", owner.ref if owner else "", row.name.casefold())


def _view(
    row: PolicyRow,
    services: Sequence[Service],
    shifts: Sequence[OnCall],
    freshness: Mapping[int, Mapping[str, Freshness]],
    reader: Reader,
    now: datetime,
    zone: tzinfo,
) -> PolicyView:
    policy: EscalationPolicy | None = services[0].policy if services else None
    known = _best(services, freshness)
    moment = Moment(reader=reader, now=now, zone=zone)
    answer = Answer.unknown(NO_POLICY)
    if policy is not None:
        answer = present_answer(Feed.Kind.ON_CALL, known[Feed.Kind.ON_CALL], moment)
    coming = known[Feed.Kind.SHIFTS]
    return PolicyView(
        row=row,
        on_call=present_on_call(
            policy,
            list(shifts),
            answer,
            subject=row.entities[0].name if len(row.entities) == 1 else row.name,
            moment=moment,
            shifts=present_answer(Feed.Kind.SHIFTS, coming, moment),
            shifts_until=shifts_until(coming),
        ),
        services=tuple(Outside(text=one.name, url=one.url) for one in services),
    )


def _best(
    services: Sequence[Service], freshness: Mapping[int, Mapping[str, Freshness]]
) -> Mapping[str, Freshness]:
    """Of the service with the newest answer: all that share a policy share who is on call."""
    return max(
        (freshness[one.pk] for one in services),
        key=lambda known: known[Feed.Kind.ON_CALL].succeeded_at or BEGINNING,
        default=dict.fromkeys(Feed.Kind.values, NOTHING_KNOWN),
    )
