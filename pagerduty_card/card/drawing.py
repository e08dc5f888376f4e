"""The card as ``catalog.cards`` knows it: rows of the mirror loaded, presented and rendered.

From stored data only: nothing here asks PagerDuty.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from weakref import WeakKeyDictionary

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from catalog.models import Entity
from pagerduty_card import rights
from pagerduty_card.accounts import all_accounts
from pagerduty_card.card.attempts import ATTEMPTS_TOLD_FOR
from pagerduty_card.card.blocks import (
    CardView,
    ServiceBlock,
    present_block,
    present_card,
    present_problem,
)
from pagerduty_card.history.loading import ON_CARD, occurrences, since_of, view_of
from pagerduty_card.labels import labels_of, title_of, value_of
from pagerduty_card.lookup import moment_of, reader_of
from pagerduty_card.mapping import resolving
from pagerduty_card.mapping.resolving import Mapped, ProblemKind, Target
from pagerduty_card.models import (
    ChangeEvent,
    Feed,
    Incident,
    OnCall,
    Service,
    TriggeredIncident,
)
from pagerduty_card.presenters.freshness import (
    Explanation,
    Moment,
    explain,
    present_answer,
)
from portal.page_frame import Banner


def load(request: HttpRequest, entity: Entity, mapped: Sequence[Mapped]) -> list[ServiceBlock]:
    """Read and present an entity's services for one reader; a constant number of queries.

    Args:
        request: Tells the reader.
        entity: The entity.
        mapped: Its services, each once.
    """
    return _present(mapped, entity, moment_of(request))


def _present(mapped: Sequence[Mapped], entity: Entity, moment: Moment) -> list[ServiceBlock]:
    rows = _Rows([one.service for one in mapped if one.service], moment)
    history_url = reverse("pagerduty_card:history", kwargs=entity.url_kwargs)
    return [
        present_block(
            one.service,
            incidents=rows.incidents.get(one.service.pk, []),
            changes=rows.changes.get(one.service.pk, []),
            on_calls=rows.on_calls.get(one.service.policy_id, []),
            history=view_of(
                one.service,
                rows.past.get(one.service.pk, []),
                rows.incidents.get(one.service.pk, []),
                one.freshness,
                days=ON_CARD,
                moment=moment,
                url=f"{history_url}?{urlencode({'service': value_of(one)})}",
            ),
            freshness=one.freshness,
            entity_name=entity.display_name,
            label=label,
            mapping_problem=_explain_problem(one, moment) if one.problem else None,
            place=one.target.place,
            moment=moment,
        )
        if one.service
        else present_problem(
            key=value_of(one).replace("/", "-"),
            title=title_of(one),
            label=label,
            problem=_explain_problem(one, moment),
        )
        for one, label in zip(mapped, labels_of(mapped), strict=True)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A card as all readers of one kind see it within one second.

    Attributes:
        tone: Of the worst service's state; empty without one.
        name_html: Name and state of the one service; empty for several.
        body_html: Attempts to page, and the services with their sections.
        ages_html: Those ages that a good answer renews although nothing else changed, each by
            itself, to be put in its place.
        words: Name and state of each service.
        content: Digest of the card without the ages; the same while nothing else changed.
        ages: Digest of the instants in ``ages_html``.
        as_of: When the oldest answer about open incidents came (UTC); None if one never came.
        is_due: Something is old enough to ask PagerDuty again.
        is_pending: An attempt's incident may still appear within seconds.
        can_page: There is a key to page with.
        service_url: The first service's page in PagerDuty; may be empty.
    """

    tone: str
    name_html: SafeString
    body_html: SafeString
    ages_html: SafeString
    words: str
    content: str
    ages: str
    as_of: datetime | None
    is_due: bool
    is_pending: bool
    can_page: bool
    service_url: str


# What the parts of one page share: the header's buttons and the card are of one drawing.
_of_request: WeakKeyDictionary[HttpRequest, dict[int, Drawn]] = WeakKeyDictionary()
_refused: WeakKeyDictionary[HttpRequest, dict[int, str]] = WeakKeyDictionary()


def _drawn(request: HttpRequest, entity: Entity) -> Drawn:
    """The card for this kind of reader, drawn once a second however many look.

    The key holds all that the drawing follows from: what the entity names, the feeds that every
    write to the mirror goes with, the attempts to page, the kind of reader and the second, which
    is as fine as any age is told. So a drawing is used again only where a new one would be equal.
    """
    kept = _of_request.setdefault(request, {})
    if entity.pk not in kept:
        moment = moment_of(request)
        targets = resolving.targets_of(entity)
        feeds = resolving.feeds_of(targets)
        since = moment.now - ATTEMPTS_TOLD_FOR
        attempts = list(TriggeredIncident.objects.of_entity(entity).filter(triggered_at__gt=since))
        key = _key(entity, targets, [*feeds, *attempts], moment)
        found: Drawn | None = cache.get(key)
        if found is None:
            mapped = resolving.each_once(resolving.resolve(targets, feeds))
            blocks = _present(mapped, entity, moment)
            found = _draw(mapped, present_card(blocks, attempts, now=moment.now))
            cache.set(key, found, timeout=2)
        kept[entity.pk] = found
    return kept[entity.pk]


def _key(
    entity: Entity,
    targets: Sequence[Target],
    rows: Sequence[Feed | TriggeredIncident],
    moment: Moment,
) -> str:
    told = (
        (entity.pk, entity.ref, entity.display_name),
        [(target, target.integration_key) for target in targets],
        [(name, account.problem) for name, account in sorted(all_accounts().items())],
        sorted(
            str([type(row).__name__, *(getattr(row, field.attname) for field in row._meta.fields)])
            for row in rows
        ),
        moment.reader,
        str(moment.zone),
        int(moment.now.timestamp()),
    )
    return f"pagerduty-card:{hashlib.sha256(repr(told).encode()).hexdigest()}"


def _draw(mapped: Sequence[Mapped], view: CardView) -> Drawn:
    urls = [one.service.url for one in mapped if one.service and one.service.url]
    name_html = SafeString("")
    if len(view.blocks) == 1:
        name_html = render_to_string("pagerduty_card/_state.html", {"block": view.blocks[0]})
    body_html = render_to_string("pagerduty_card/_body.html", {"card": view})
    return Drawn(
        tone=view.worst.mark.tone if view.worst else "",
        name_html=name_html,
        body_html=body_html,
        ages_html=render_to_string("pagerduty_card/_ages.html", {"card": view}),
        words=view.words,
        content=_digest(_AGES.sub("", f"{view.words}{name_html}{body_html}")),
        ages=_digest([view.as_of, *(block.ages for block in view.blocks)]),
        as_of=view.as_of,
        is_due=view.is_due,
        is_pending=view.is_pending,
        can_page=any(one.can_page for one in mapped),
        service_url=urls[0] if urls else "",
    )


# Ages: those that the page keeps true by itself, and those that ``_ages.html`` renews.
_AGES = re.compile(r' data-ago>[^<]*|<span (?:class="age" )?id="as-of-[^"]*">.*?</span>', re.DOTALL)


def _digest(told: object) -> str:
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What a page that shows the card is to be told.

    Attributes:
        html: The new card, or ages for it; None: what it shows still stands.
        is_card: Whether ``html`` is the whole card.
        is_due: Whether the page should ask for a refresh.
    """

    html: SafeString | None
    is_card: bool
    is_due: bool


def news_since(request: HttpRequest, entity: Entity, have: str, *, is_alone: bool) -> News:
    """Say what is new to a page; most often that is nothing.

    Args:
        request: Tells the reader.
        entity: The entity.
        have: What the page shows, as the card said it; empty for nothing.
        is_alone: The card is the page.
    """
    drawn = _drawn(request, entity)
    had_content, _, had_ages = have.partition(".")
    # While an incident is awaited, each card asks for the next one.
    if drawn.is_pending or had_content != _content(request, entity, drawn):
        html = render_card(request, entity, is_alone=is_alone)
        return News(html=html, is_card=True, is_due=False)
    ages: SafeString | None = None
    if had_ages != drawn.ages:
        ages = _have(request, entity, drawn) + drawn.ages_html
    return News(html=ages, is_card=False, is_due=drawn.is_due)


def _content(request: HttpRequest, entity: Entity, drawn: Drawn) -> str:
    """Digest of what a reader is shown, the ages apart."""
    may_page = bool(_trigger_url(request, entity, drawn))
    return _digest((drawn.content, may_page, _no_trigger_reason(request, entity, drawn)))


def _have(request: HttpRequest, entity: Entity, drawn: Drawn) -> SafeString:
    """The field that says what the page shows; in an answer without the card it renews itself."""
    field = '<input type="hidden" id="card-have" name="have" value="{}.{}" hx-swap-oob="true">'
    return format_html(field, _content(request, entity, drawn), drawn.ages)


def render_card(
    request: HttpRequest,
    entity: Entity,
    *,
    is_alone: bool = False,
    is_answer: bool = False,
) -> SafeString:
    """Render the card for one reader.

    Args:
        request: Tells the reader.
        entity: The entity.
        is_alone: The card is the page.
        is_answer: It answers a refresh: it does not ask for another one by itself.
    """
    drawn = _drawn(request, entity)
    context = {
        "card": drawn,
        "entity": entity,
        "card_url": reverse("pagerduty_card:card", kwargs=entity.url_kwargs),
        "have": _have(request, entity, drawn),
        "refresh_url": reverse("pagerduty_card:refresh", kwargs=entity.url_kwargs),
        "no_trigger_reason": _no_trigger_reason(request, entity, drawn),
        "is_alone": is_alone,
        "is_auto_refresh": drawn.is_due and not is_answer,
        # Without the request: the context processors have run for the page around it already.
        "csrf_token": get_token(request),
    }
    return render_to_string("pagerduty_card/_card.html", context)


def render_actions(request: HttpRequest, entity: Entity) -> SafeString:
    """Render the buttons for the header of the entity's page."""
    drawn = _drawn(request, entity)
    context = {
        "entity": entity,
        "trigger_url": _trigger_url(request, entity, drawn),
        "service_url": drawn.service_url,
    }
    return render_to_string("pagerduty_card/_actions.html", context)


def sandbox_banner(_request: HttpRequest) -> Banner | None:
    """Say on every page that PagerDuty is not the real one."""
    if not settings.PAGERDUTY_SANDBOX:
        return None
    return Banner(text="PagerDuty sandbox: nobody is really paged.", tone="info")


def _trigger_url(request: HttpRequest, entity: Entity, drawn: Drawn) -> str:
    """Where the reader can page; empty if they may not, or nobody can."""
    if not drawn.can_page or _refusal(request, entity):
        return ""
    return reverse("pagerduty_card:trigger", kwargs=entity.url_kwargs)


def _no_trigger_reason(request: HttpRequest, entity: Entity, drawn: Drawn) -> str:
    refusal, is_admin = _refusal(request, entity), reader_of(request).is_admin
    return rights.why_no_button(request.user, refusal, has_key=drawn.can_page, is_admin=is_admin)


def _refusal(request: HttpRequest, entity: Entity) -> str:
    """Why the reader may not page; asked once for each page, for it may take the catalog."""
    kept = _refused.setdefault(request, {})
    if entity.pk not in kept:
        kept[entity.pk] = rights.refusal_of(request.user, entity)
    return kept[entity.pk]


def _explain_problem(mapped: Mapped, moment: Moment) -> Explanation:
    problem = mapped.problem
    if problem is None:
        services = Feed.Kind.SERVICES
        answer = present_answer(services, mapped.freshness[services], moment)
        return answer.explanation or explain("not_asked", reader=moment.reader)
    if problem.kind is ProblemKind.NOT_CONFIGURED:
        return explain("not_configured", problem.text, reader=moment.reader)
    return Explanation(
        reason=problem.kind,
        why=problem.text,
        advice=problem.advice,
        place=problem.place,
    )


class _Rows:
    """The rows of several services in four queries."""

    def __init__(self, services: Sequence[Service], moment: Moment) -> None:
        self.incidents: dict[int, list[Incident]] = {}
        self.changes: dict[int, list[ChangeEvent]] = {}
        self.on_calls: dict[Any, list[OnCall]] = {}
        with_past = [one for one in services if one.history_since]
        self.past = occurrences(with_past, since_of(ON_CARD, moment)) if with_past else {}
        if not services:
            return
        for incident in Incident.objects.of_services(services):
            self.incidents.setdefault(incident.service_id, []).append(incident)
        for change in ChangeEvent.objects.of_services(services):
            self.changes.setdefault(change.service_id, []).append(change)
        for row in OnCall.objects.of_services(services):
            self.on_calls.setdefault(row.policy_id, []).append(row)
