"""What a person is told, wherever they are in the portal, of a page that did not go through.

Kept in the person's session, so that nobody else's pages cost a query, and no cache must hold it.
"""

from datetime import datetime, timedelta

from django.http import HttpRequest
from django.utils import timezone

from catalog.links import entity_url
from catalog.refs import EntityRef
from pagerduty_card.models import TriggeredIncident
from portal.page_frame import Banner

_KEY = "pagerduty:unsettled"
_MOST = 5
# How long the banner speaks of an attempt; of one that went through after all, only so long.
_TOLD_FOR = timedelta(hours=1)
_TOLD_WELL = timedelta(minutes=20)
_State = TriggeredIncident.State


def remember(request: HttpRequest, attempt: TriggeredIncident) -> None:
    """Note that the person is to be told what becomes of an attempt."""
    known = request.session.get(_KEY, [])
    request.session[_KEY] = [*(pk for pk in known if pk != attempt.pk), attempt.pk][-_MOST:]


def banner(request: HttpRequest) -> Banner | None:
    """The banner of the newest attempt that is still to be told of.

    On the entity's page the card tells of it; one that is over is told of no more after that.
    """
    session = getattr(request, "session", None)
    known = session.get(_KEY) if session is not None else None
    if session is None or not known:
        return None
    now = timezone.now()
    shown, left = None, []
    for attempt in TriggeredIncident.objects.filter(pk__in=known):
        url = entity_url(EntityRef.parse(attempt.entity_ref))
        is_here = request.path == url
        is_over = not attempt.is_retried(now)
        age = now - attempt.triggered_at
        is_well = attempt.state in {_State.ACCEPTED, _State.CREATED}
        if (is_here and is_over) or age > (_TOLD_WELL if is_well else _TOLD_FOR):
            continue
        left.append(attempt.pk)
        if shown is None and not is_here:
            shown = _worded(attempt, url, now)
    if len(left) != len(known):
        if left:
            session[_KEY] = sorted(left)
        else:
            del session[_KEY]
    return shown


def _worded(attempt: TriggeredIncident, url: str, now: datetime) -> Banner:
    name = EntityRef.parse(attempt.entity_ref).name
    state = attempt.state_at(now)
    tone, text = "critical", f"Nobody was paged for {name}: PagerDuty did not take it."
    if attempt.is_retried(now) and attempt.retry_until:
        until = timezone.localtime(attempt.retry_until)
        going_on = f"The portal keeps trying until {until:%H:%M} {until.tzname()}."
        if state == _State.UNSURE:
            text = f"It is not known that anybody was paged for {name}. {going_on}"
        else:
            text = f"Nobody has been paged yet for {name}. {going_on}"
    elif state == _State.UNSURE:
        text = f"It is not known that anybody was paged for {name}: PagerDuty did not answer."
    elif state == _State.NOT_SEEN:
        text = f"PagerDuty took the page for {name}, but no incident has appeared."
    elif state == _State.ACCEPTED:
        tone, text = "info", f"PagerDuty has accepted the page for {name}."
    elif state == _State.CREATED:
        tone, text = "good", f"The page for {name} is incident #{attempt.incident_number}."
    return Banner(
        text=text,
        tone=tone,
        url=url,
        link="See it there" if tone in {"info", "good"} else "See it, and whom to reach",
    )
