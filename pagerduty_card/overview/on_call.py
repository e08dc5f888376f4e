"""The board of those on call: by owner, each policy once, those that would page nobody first."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.http import HttpRequest

from catalog.links import EntityLink
from pagerduty_card.card.blocks import NO_POLICY, shifts_until
from pagerduty_card.freshness import BEGINNING, UNKNOWN, Freshness
from pagerduty_card.models import EscalationPolicy, Feed, OnCall, Service
from pagerduty_card.overview.data_issues import DataIssue
from pagerduty_card.overview.entities import (
    MINE,
    NO_OWNER,
    NamedEntity,
    filter_values,
    named_entities,
    sorted_by_name,
)
from pagerduty_card.overview.filtering import (
    BoardQuery,
    Filtered,
    Labels,
    apply_filters,
    folded,
    keep_labels,
)
from pagerduty_card.overview.loading import Overview
from pagerduty_card.overview.snapshot import Snapshot
from pagerduty_card.presenters.freshness import Answer, Moment, present_answer
from pagerduty_card.presenters.on_call import ExternalLink, OnCallView, present_on_call

NOBODY, NOT_KNOWN, SOMEBODY = "nobody", "unknown", "somebody"
_STATES = {
    NOBODY: "Nobody on call",
    NOT_KNOWN: "Not known",
    SOMEBODY: "Somebody on call",
}
_FILTERS = {
    "state": "On call",
    "mine": "Whose",
    "owner": "Owner",
    "person": "Person",
    "kind": "Kind",
    "account": "Account",
}


class PolicyRow(NamedTuple):
    """One policy for one owner, as far as it is filtered and ordered.

    Attributes:
        policy: Primary key; None for a service without one.
        state: Whether somebody is on call: ``NOBODY``, ``NOT_KNOWN`` or ``SOMEBODY``.
        services: Primary keys of the owner's services with this policy.
        entities: Primary keys of the owner's entities that name them, by name.
    """

    policy: int | None
    name: str
    state: str
    owner_ref: str
    services: tuple[int, ...]
    entities: tuple[int, ...]
    text: str
    values: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyView:
    """One policy for one owner as the board prints it.

    Attributes:
        services: The owner's services with this policy.
        entities: The owner's entities that name them.
    """

    row: PolicyRow
    on_call: OnCallView
    owner: EntityLink | None
    services: tuple[ExternalLink, ...]
    entities: tuple[NamedEntity, ...]

    @property
    def heading(self) -> str:
        """The part of the board that it is in: one for each owner, and one for nobody on call."""
        if self.row.state == NOBODY:
            return _STATES[NOBODY]
        return self.owner.ref if self.owner else NO_OWNER


@dataclass(frozen=True, slots=True, kw_only=True)
class OnCallBoard:
    """The board, for all who own the same and ask for the same.

    Attributes:
        filtered: The rows that pass the filters.
        issues: Services that are named and not stored, so that nobody knows who is on call.
        nobody, unknown: How many of all rows.
        has_services: Whether any entity names a service at all.
    """

    filtered: Filtered[PolicyRow]
    issues: tuple[DataIssue, ...]
    nobody: int
    unknown: int
    has_services: bool


class _PolicyService(NamedTuple):
    """A service with the name of its policy."""

    pk: int
    name: str
    account: str
    policy: int | None
    policy_name: str | None


def on_call_board(request: HttpRequest, snapshot: Snapshot) -> OnCallBoard:
    """Load the policies of the catalog's services; four queries at most beside the snapshot's.

    Args:
        request: Has the reader and the filters.
        snapshot: The catalog and the mirror now.
    """
    return snapshot.board("on-call-board", request, _FILTERS, _load)


def load_policies(rows: Iterable[PolicyRow], moment: Moment) -> list[PolicyView]:
    """Load the policies of one page whole; five queries at most.

    Args:
        rows: Of one page.
        moment: Who reads, and when.
    """
    shown = list(rows)
    wanted = {pk for row in shown for pk in row.services}
    services = Service.objects.select_related("policy").in_bulk(wanted)
    names = named_entities(pk for row in shown for pk in row.entities)
    shifts: dict[int, list[OnCall]] = {}
    policies = {row.policy for row in shown if row.policy}
    for shift in OnCall.objects.filter(policy__in=policies).select_related("responder"):
        shifts.setdefault(shift.policy_id, []).append(shift)
    freshness = Feed.objects.freshness(services.values())
    return [
        _view(
            row,
            [services[pk] for pk in row.services if pk in services],
            [names[pk] for pk in row.entities if pk in names],
            shifts.get(row.policy or 0, []),
            freshness,
            moment,
        )
        for row in shown
    ]


def _load(snapshot: Snapshot, query: BoardQuery, own: frozenset[str]) -> OnCallBoard:
    overview = snapshot.overview
    rows, labels = snapshot.cached("policy-rows", lambda: _load_rows(overview, snapshot.now))
    marked = [
        row._replace(values={**row.values, "mine": tuple(MINE)}) if row.owner_ref in own else row
        for row in rows
    ]
    labels = {**labels, "mine": MINE, "state": _STATES}
    return OnCallBoard(
        filtered=apply_filters(marked, query, _FILTERS, labels),
        issues=tuple(issue for issue in overview.issues if not issue.services),
        nobody=sum(row.state == NOBODY for row in rows),
        unknown=sum(row.state == NOT_KNOWN for row in rows),
        has_services=bool(overview.entities),
    )


def _load_rows(overview: Overview, now: datetime) -> tuple[list[PolicyRow], Labels]:
    """All rows in their order, for any reader, and what their values are called; four queries."""
    entities_of = overview.entities_by_service()
    names = named_entities(overview.entities)
    people = _people(now)
    # A service without a policy is a row of its own.
    services_of: dict[tuple[str, int | str], dict[_PolicyService, None]] = {}
    columns = ("pk", "name", "account", "policy_id", "policy__name")
    for columns_of_one in Service.objects.order_by("name").values_list(*columns):
        service = _PolicyService(*columns_of_one)
        for entity in entities_of.get(service.pk, ()):
            if entity in names:
                key = (names[entity].owner_ref, service.policy or f"service {service.pk}")
                services_of.setdefault(key, {})[service] = None
    labels: Labels = {}
    rows = []
    for (owner_ref, _), services in services_of.items():
        its = {pk for one in services for pk in entities_of[one.pk] if pk in names}
        own = sorted_by_name((pk for pk in its if names[pk].owner_ref == owner_ref), names)
        entities = [names[pk] for pk in own]
        row = _row([*services], own, entities, people, overview, labels)
        owner = entities[0].owner
        # Two groups of one name are two parts, one after the other.
        by_owner = (owner.text.casefold(), owner.ref) if owner else ("", "")
        order = (row.state != NOBODY, not owner, by_owner, row.name.casefold())
        rows.append((order, row))
    rows.sort(key=lambda pair: pair[0])
    return [row for _, row in rows], labels


def _people(now: datetime) -> dict[int, list[str]]:
    """Who holds each policy now."""
    found: dict[int, list[str]] = {}
    held = OnCall.objects.current(now).order_by("level", "responder__name")
    for policy, name in held.values_list("policy_id", "responder__name"):
        found.setdefault(policy, []).append(name)
    return found


def _row(
    services: Sequence[_PolicyService],
    keys: Sequence[int],
    entities: Sequence[NamedEntity],
    people: Mapping[int, Sequence[str]],
    overview: Overview,
    labels: Labels,
) -> PolicyRow:
    first, owner = services[0], entities[0].owner
    on_call = people.get(first.policy or 0, ())
    if any(one.pk in overview.nobody_on_call for one in services):
        state = NOBODY
    elif on_call and not all(one.pk in overview.on_call_unknown for one in services):
        state = SOMEBODY
    else:
        state, on_call = NOT_KNOWN, ()
    name = first.policy_name or first.name
    values = {
        **filter_values(entities),
        "state": {state: _STATES[state]},
        "person": {one: one for one in on_call},
        "account": {one.account: one.account for one in services},
    }
    return PolicyRow(
        policy=first.policy,
        name=name,
        state=state,
        owner_ref=entities[0].owner_ref,
        services=tuple(one.pk for one in services),
        entities=tuple(keys),
        text=folded(
            [
                name,
                owner.text if owner else NO_OWNER,
                *on_call,
                *(one.name for one in services),
                *(word for one in entities for word in (one.name, str(one.node.ref))),
            ]
        ),
        values=keep_labels(values, labels),
    )


def _view(
    row: PolicyRow,
    services: Sequence[Service],
    entities: Sequence[NamedEntity],
    shifts: Sequence[OnCall],
    freshness: Mapping[int, Mapping[str, Freshness]],
    moment: Moment,
) -> PolicyView:
    policy: EscalationPolicy | None = services[0].policy if services else None
    known = _best(services, freshness)
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
            subject=entities[0].name if len(entities) == 1 else row.name,
            moment=moment,
            shifts=present_answer(Feed.Kind.SHIFTS, coming, moment),
            shifts_until=shifts_until(coming),
        ),
        owner=entities[0].owner if entities else None,
        services=tuple(ExternalLink(text=one.name, url=one.url) for one in services),
        entities=tuple(entities),
    )


def _best(
    services: Sequence[Service], freshness: Mapping[int, Mapping[str, Freshness]]
) -> Mapping[str, Freshness]:
    """Of the service with the newest answer: all that share a policy share who is on call."""
    return max(
        (freshness[one.pk] for one in services),
        key=lambda known: known[Feed.Kind.ON_CALL].succeeded_at or BEGINNING,
        default=dict.fromkeys(Feed.Kind.values, UNKNOWN),
    )
