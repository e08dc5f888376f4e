"""The states that the catalog's lists filter by and show, and what belongs together summed up.

All from the estate: one answer for the index, its badges, the panels and the first page.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from catalog import cards
from catalog.links import link_to_entity
from catalog.models import Entity
from catalog.search.expressions import Among
from pagerduty_card.estate import EntityStanding, Estate, estate
from pagerduty_card.models import Feed, Incident, OnCall, Service
from pagerduty_card.presenters.freshness import Moment, present_answer
from pagerduty_card.presenters.incidents import IncidentLine, incident_line, incident_order
from pagerduty_card.presenters.on_call import OnCallView, present_on_call
from pagerduty_card.presenters.rollup import (
    NOBODY,
    STATES,
    WORST_SHOWN,
    OwnView,
    RollupView,
    Standing,
    present_rollup,
    worst_first,
)
from pagerduty_card.presenters.states import present_state
from pagerduty_card.states import State
from portal.single_value_cache import SingleValueCache
from portal.templatetags.ui import ago, badge, icon

# So many services are looked at for the first policies of somebody who owns thousands.
_SERVICES_ASKED = 50

# By the estate's stamp: it follows from nothing else.
_states: SingleValueCache[str, cards.EntityStates] = SingleValueCache()


def entity_states() -> cards.EntityStates:
    """Which entities are in which state now; no query beside the estate's."""
    drawn = estate(timezone.now())
    return _states.get_or_set(drawn.stamp, lambda: _states_of(drawn))


def _states_of(drawn: Estate) -> cards.EntityStates:
    keys = {
        state.slug: drawn.nobody_on_call if state is NOBODY else drawn.in_state(State(state.slug))
        for state in STATES
    }
    # Of the states alone: an answer that changes none leaves all that was counted true.
    written = repr([(slug, sorted(some)) for slug, some in keys.items()])
    return cards.EntityStates(digest=hashlib.sha256(written.encode()).hexdigest(), keys=keys)


def render_badges(entities: Sequence[Entity]) -> Mapping[int, SafeString]:
    """The worst state of each entity's services; no query beside the estate's."""
    found = estate(timezone.now()).entities
    return {entity.pk: state_badge(found[entity.pk]) for entity in entities if entity.pk in found}


def state_badge(standing: Standing) -> SafeString:
    """An entity's state, and that nobody is on call where PagerDuty said so."""
    state = present_state(standing.state)
    mark = state.mark
    return format_html(
        '<span title="PagerDuty: {}">{}</span>{}{}',
        state.words,
        badge(mark.word, mark.tone, mark.icon),
        format_html(" {}", badge(NOBODY.label, "critical", "on-call"))
        if standing.is_nobody_on_call
        else "",
        format_html(' <span class="age">{} as of {}</span>', icon("clock"), ago(state.as_of))
        if state.is_old
        else "",
    )


def render_rollup(request: HttpRequest, scope: cards.Scope) -> SafeString:
    """Sum up what belongs to an entity; one query beside the estate's."""
    del request
    drawn = estate(timezone.now())
    standings = _among(scope, drawn)
    if not standings:
        return SafeString("")
    view = _rollup(scope, standings, drawn)
    lines = [(line, state_badge(line.standing)) for line in view.lines]
    return render_to_string("pagerduty_card/_rollup.html", {"rollup": view, "lines": lines})


def render_own(request: HttpRequest, scope: cards.Scope) -> SafeString:
    """What is open among the reader's own, and who is on call; five queries beside the estate's."""
    del request
    now = timezone.now()
    drawn = estate(now)
    standings = _among(scope, drawn)
    if not standings:
        return SafeString("")
    incidents, open_count = _own_incidents(standings, drawn)
    view = OwnView(
        rollup=_rollup(scope, standings, drawn, shown=0),
        incidents=incidents,
        open_count=open_count,
        on_call=_on_call(standings, now),
    )
    return render_to_string("pagerduty_card/_own.html", {"own": view})


def _among(scope: cards.Scope, drawn: Estate) -> dict[int, EntityStanding]:
    return {pk: drawn.entities[pk] for pk in scope.keys if pk in drawn.entities}


def _rollup(
    scope: cards.Scope,
    standings: Mapping[int, EntityStanding],
    drawn: Estate,
    *,
    shown: int = WORST_SHOWN,
) -> RollupView:
    worst = worst_first(standings)[:shown]
    rows = _entities(worst)
    return present_rollup(
        standings,
        [rows[pk] for pk in worst if pk in rows],
        doubtful=len(drawn.doubtful.intersection(standings)),
        address_of=scope.in_state,
    )


def _entities(keys: Collection[int]) -> dict[int, Entity]:
    if not keys:
        return {}
    return Entity.objects.defer("descriptor", "written").in_bulk(keys)


def _own_incidents(
    standings: Mapping[int, EntityStanding], drawn: Estate
) -> tuple[tuple[IncidentLine, ...], int]:
    """The first open incidents, worst first, and how many there are."""
    services = {pk for one in standings.values() if one.open_count for pk in one.services}
    rows = sorted(
        Incident.objects.filter(Among("service_id", [*services])).order_by() if services else [],
        key=incident_order,
    )
    first = rows[:WORST_SHOWN]
    entity_of = {
        row.pk: next((pk for pk in drawn.by_service.get(row.service_id, ()) if pk in standings), 0)
        for row in first
    }
    entities = _entities({*entity_of.values()})
    shown = [
        replace(
            incident_line(row),
            entities=(link_to_entity(entities[pk]),)
            if (pk := entity_of[row.pk]) in entities
            else (),
        )
        for row in first
    ]
    return tuple(shown), len(rows)


def _on_call(standings: Mapping[int, EntityStanding], now: datetime) -> tuple[OnCallView, ...]:
    """Who is on call for the first policies; those of what is in the worst state first."""
    in_order = dict.fromkeys((*worst_first(standings), *standings))
    asked = list(dict.fromkeys(pk for one in in_order for pk in standings[one].services))
    found = Service.objects.select_related("policy").in_bulk(asked[:_SERVICES_ASKED])
    of_policy: dict[int, Service] = {}
    for pk in asked[:_SERVICES_ASKED]:
        service = found.get(pk)
        if service and service.policy_id:
            of_policy.setdefault(service.policy_id, service)
    services = list(of_policy.values())[:WORST_SHOWN]
    if not services:
        return ()
    freshness = Feed.objects.freshness(services)
    rows: dict[int, list[OnCall]] = {}
    for row in OnCall.objects.of_services(services):
        rows.setdefault(row.policy_id, []).append(row)
    moment = Moment(now=now, zone=timezone.get_current_timezone())
    return tuple(
        present_on_call(
            service.policy,
            rows.get(service.policy_id or 0, []),
            present_answer(Feed.Kind.ON_CALL, freshness[service.pk][Feed.Kind.ON_CALL], moment),
            subject="",
            moment=moment,
        )
        for service in services
    )
