"""The states by which the catalog's lists filter, and what belongs together summed up."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from catalog import cards
from catalog.links import link_to_entity
from catalog.models import Entity
from catalog.search.expressions import Among
from pagerduty_card.lookup import moment_of
from pagerduty_card.models import Feed, Incident, OnCall, Service
from pagerduty_card.overview.loading import EntitySummary, Overview
from pagerduty_card.overview.presenting import (
    NOBODY,
    WORST_SHOWN,
    OwnView,
    RollupView,
    present_rollup,
    slugs_of,
    worst_first,
)
from pagerduty_card.overview.snapshot import Snapshot
from pagerduty_card.presenters.freshness import Moment, present_answer
from pagerduty_card.presenters.incidents import IncidentLine, incident_line, incident_order
from pagerduty_card.presenters.on_call import OnCallView, present_on_call
from pagerduty_card.presenters.states import present_state
from portal.templatetags.ui import ago, badge, icon

# So many services are looked at for the first policies of somebody who owns thousands.
_SERVICES_ASKED = 50


def entity_states() -> cards.EntityStates:
    """Which entities are in which state now."""
    snapshot = Snapshot(timezone.now())
    return snapshot.cached("entity-states", lambda: _states_of(snapshot.overview))


def _states_of(overview: Overview) -> cards.EntityStates:
    keys: dict[str, list[int]] = {}
    for pk, summary in overview.entities.items():
        for slug in slugs_of(summary):
            keys.setdefault(slug, []).append(pk)
    # Of the states alone: an answer that changes none leaves all that was counted true.
    written = repr(sorted((slug, sorted(some)) for slug, some in keys.items()))
    return cards.EntityStates(digest=hashlib.sha256(written.encode()).hexdigest(), keys=keys)


def render_badges(entities: Sequence[Entity]) -> Mapping[int, SafeString]:
    """The worst state of each entity's services; no query beside the snapshot's."""
    found = Snapshot(timezone.now()).overview.entities
    return {entity.pk: state_badge(found[entity.pk]) for entity in entities if entity.pk in found}


def state_badge(summary: EntitySummary) -> SafeString:
    """An entity's state, and that nobody is on call where PagerDuty said so."""
    state = present_state(summary.state)
    mark = state.mark
    return format_html(
        '<span title="PagerDuty: {}">{}</span>{}{}',
        state.words,
        badge(mark.word, mark.tone, mark.icon),
        format_html(" {}", badge(NOBODY.label, "critical", "on-call"))
        if summary.is_nobody_on_call
        else "",
        format_html(' <span class="age">{} as of {}</span>', icon("clock"), ago(state.as_of))
        if state.is_old
        else "",
    )


def render_rollup(request: HttpRequest, scope: cards.Scope) -> SafeString:
    """Sum up what belongs to an entity; one query beside the snapshot's."""
    del request
    overview = Snapshot(timezone.now()).overview
    summaries = _among(scope, overview)
    if not summaries:
        return SafeString("")
    view = _rollup(scope, summaries, overview)
    lines = [(line, state_badge(line.summary)) for line in view.lines]
    return render_to_string("pagerduty_card/_rollup.html", {"rollup": view, "lines": lines})


def render_own(request: HttpRequest, scope: cards.Scope) -> SafeString:
    """Show what is open among the reader's own, and who is on call for it.

    Five queries beside the snapshot's.
    """
    moment = moment_of(request)
    overview = Snapshot(moment.now).overview
    summaries = _among(scope, overview)
    if not summaries:
        return SafeString("")
    incidents, open_count = _own_incidents(summaries, overview)
    view = OwnView(
        rollup=_rollup(scope, summaries, overview, shown=0),
        incidents=incidents,
        open_count=open_count,
        on_call=_on_call(summaries, overview, moment),
    )
    return render_to_string("pagerduty_card/_own.html", {"own": view})


def _among(scope: cards.Scope, overview: Overview) -> dict[int, EntitySummary]:
    return {pk: overview.entities[pk] for pk in scope.keys if pk in overview.entities}


def _rollup(
    scope: cards.Scope,
    summaries: Mapping[int, EntitySummary],
    overview: Overview,
    *,
    shown: int = WORST_SHOWN,
) -> RollupView:
    worst = worst_first(summaries)[:shown]
    rows = _entities(worst)
    return present_rollup(
        summaries,
        [rows[pk] for pk in worst if pk in rows],
        uncertain=len(overview.entities_with_issues().intersection(summaries)),
        address_of=scope.in_state,
    )


def _entities(keys: Collection[int]) -> dict[int, Entity]:
    if not keys:
        return {}
    return Entity.objects.without_documents().in_bulk(keys)


def _own_incidents(
    summaries: Mapping[int, EntitySummary], overview: Overview
) -> tuple[tuple[IncidentLine, ...], int]:
    """The first open incidents, worst first, and how many there are."""
    entity_of: dict[int, int] = {}
    for entity, summary in summaries.items():
        if summary.open_count:
            for service in overview.services[entity]:
                entity_of.setdefault(service, entity)
    found = Incident.objects.filter(Among("service_id", [*entity_of])).order_by()
    rows = sorted(found if entity_of else [], key=incident_order)
    first = rows[:WORST_SHOWN]
    entities = _entities({entity_of[row.service_id] for row in first})
    shown = []
    for row in first:
        named = entities.get(entity_of[row.service_id])
        links = (link_to_entity(named),) if named else ()
        shown.append(replace(incident_line(row), entities=links))
    return tuple(shown), len(rows)


def _on_call(
    summaries: Mapping[int, EntitySummary], overview: Overview, moment: Moment
) -> tuple[OnCallView, ...]:
    """Who is on call for the first policies; those of what is in the worst state first."""
    in_order = dict.fromkeys((*worst_first(summaries), *summaries))
    asked = list(dict.fromkeys(pk for one in in_order for pk in overview.services[one]))
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
