"""The number of open incidents beside the navigation: from the cache alone, never a guess."""

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from pagerduty_card.overview.snapshot import open_count
from portal.page_frame import NavBadge

_ID = "open-incidents"


def open_incidents(request: HttpRequest, *, is_last: bool = False) -> NavBadge | None:
    """The badge of "Incidents"; no query, and ``?`` where the number is not known.

    Args:
        request: Tells the reader: a stranger is told no number where pages need signing in.
        is_last: Whether this is the answer to the page that asked; it does not ask again.
    """
    user = getattr(request, "user", None)
    if settings.PORTAL_LOGIN_REQUIRED and not (user and user.is_authenticated):
        return None
    counted = open_count(timezone.now())
    if counted is None:
        ask = "" if is_last else reverse("boards:count")
        return NavBadge(
            id=_ID, text="?", label="the number is not known yet", tone="unknown", url=ask
        )
    if not counted.has_services:
        label = "no entity names a PagerDuty service, so no number is known"
        return NavBadge(id=_ID, text="?", label=label, tone="unknown")
    noun = "open incident" if counted.count == 1 else "open incidents"
    if not counted.is_known and (counted.is_uncertain or not counted.count):
        return NavBadge(
            id=_ID,
            text=f"{counted.count:,}?" if counted.count else "?",
            label=f"{counted.count:,} {noun} known, but not all is known",
            tone="unknown",
        )
    return NavBadge(
        id=_ID,
        text=f"{counted.count:,}",
        # Beside entities that name no service of PagerDuty's, which have no incidents to count.
        label=f"{counted.count:,} {noun}{'' if counted.is_known else ' known'}",
        tone="critical" if counted.count else "faint",
    )
