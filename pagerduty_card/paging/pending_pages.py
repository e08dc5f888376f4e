"""The banner, on every page of the portal, of an attempt to page that did not go as it should.

Kept in the person's session, so that nobody else's pages cost a query, and no cache must hold it.
Who signs in anew, perhaps on a phone, is told what their earlier sessions were.
"""

from dataclasses import replace
from datetime import timedelta

from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils import timezone

from catalog.links import entity_url
from catalog.refs import EntityRef
from pagerduty_card.models import TriggeredIncident
from pagerduty_card.presenters.outcomes import (
    SHOWN_FOR,
    OutcomeKind,
    PagingOutcome,
    present_outcome,
)
from portal.page_frame import Banner

# Attempts by primary key, with whether the person was warned of a problem: only then is it
# news that one went well after all.
_KEY = "pagerduty:pages"
_MOST = 5
# How long the banner says that a page went well after all.
_SUCCESS_SHOWN_FOR = timedelta(minutes=20)
_WELL = (OutcomeKind.SENDING, OutcomeKind.LOOKING, OutcomeKind.CREATED)


def remember(request: HttpRequest, attempt: TriggeredIncident) -> None:
    """Note that the person is to be shown the outcome of an attempt."""
    known: dict[str, bool] = request.session.get(_KEY, {})
    was_warned = known.pop(str(attempt.pk), False)
    newest = list(known.items())[-_MOST + 1 :]
    request.session[_KEY] = {**dict(newest), str(attempt.pk): was_warned or not attempt.is_accepted}


def remember_after_sign_in(request: HttpRequest, user: User, **_: object) -> None:
    """Receive Django's ``user_logged_in``: note what the person sent before, one query."""
    since = timezone.now() - SHOWN_FOR
    sent = TriggeredIncident.objects.filter(triggered_by=user, triggered_at__gt=since)
    for attempt in reversed(sent.order_by("-triggered_at")[:_MOST]):
        remember(request, attempt)


def banner(request: HttpRequest) -> Banner | None:
    """The banner of the attempt that is in trouble, else of the newest that is still to be shown.

    On the entity's page the card shows it; one that is over is shown no more after that. Further
    ones in trouble are counted: a page that went well after them must not hide them.
    """
    session = getattr(request, "session", None)
    known: dict[str, bool] = session.get(_KEY, {}) if session is not None else {}
    if session is None or not known:
        return None
    now = timezone.localtime()
    well: list[Banner] = []
    troubled: list[Banner] = []
    left: dict[str, bool] = {}
    for attempt in TriggeredIncident.objects.filter(pk__in=known):
        url = entity_url(EntityRef.parse(attempt.entity_ref))
        outcome = present_outcome(attempt, now)
        is_here = request.path == url
        has_trouble = outcome.kind not in _WELL or outcome.tone == "warning"
        is_news = known[str(attempt.pk)] or has_trouble
        if _is_over(attempt, outcome, is_here=is_here, is_news=is_news):
            continue
        left[str(attempt.pk)] = is_news
        if not is_here and is_news:
            (troubled if has_trouble else well).append(_worded(attempt, outcome, url))
    if left != known:
        if left:
            session[_KEY] = dict(sorted(left.items(), key=lambda one: int(one[0])))
        else:
            del session[_KEY]
    if not troubled:
        return well[0] if well else None
    first, more = troubled[0], len(troubled) - 1
    if not more:
        return first
    pages = "1 more of your pages has" if more == 1 else f"{more} more of your pages have"
    return replace(first, text=f"{first.text} {pages} a problem too.")


def _is_over(
    attempt: TriggeredIncident, outcome: PagingOutcome, *, is_here: bool, is_news: bool
) -> bool:
    """Whether there is nothing more to show of an attempt."""
    shown_for = _SUCCESS_SHOWN_FOR if outcome.kind is OutcomeKind.CREATED else SHOWN_FOR
    if abs(timezone.now() - attempt.triggered_at) > shown_for:
        return True
    if outcome.until or outcome.kind.is_open:
        return False
    return is_here or not is_news


def _worded(attempt: TriggeredIncident, outcome: PagingOutcome, url: str) -> Banner:
    name = EntityRef.parse(attempt.entity_ref).name
    return Banner(
        text=" ".join(filter(None, [f"{name}: {outcome.title}.", outcome.going_on])),
        tone=outcome.tone,
        url=url,
        link="Details" if outcome.kind in _WELL else "Details and contacts",
    )
