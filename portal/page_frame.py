"""The frame of every page: entries of the navigation and banners, as the apps register them.

The portal itself knows no domain. An app registers what it wants shown in its ``ready()``;
taking the app out of ``INSTALLED_APPS`` takes its entries away.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from django.conf import settings
from django.http import HttpRequest

from portal.logging import current_request_id

T = TypeVar("T")
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class NavBadge:
    """A number beside an entry of the navigation.

    Attributes:
        id: Of the element, so that a fragment can bring the number anew.
        text: What is seen, two or three characters.
        label: What it says, for a screen reader and on hovering.
        tone: A tone of the badge component.
        url: Where the page asks for it once it is shown, if it is not known; answers with the
            badge. Empty: it does not ask.
    """

    id: str
    text: str
    label: str
    tone: str
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NavItem:
    """An entry of the main navigation.

    Attributes:
        label: The visible word.
        url_name: A URL name that takes no arguments.
        icon: A name of the icon sprite.
        permission: The right one needs to see it, as ``app_label.codename``; empty: nobody needs
            one.
        key: The key that leads there after ``g``; empty: the label's first letter.
        badge: Makes the number beside it for this reader, on every page: without a query.
    """

    label: str
    url_name: str
    icon: str
    permission: str = ""
    key: str = ""
    badge: Callable[[HttpRequest], NavBadge | None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NavEntry:
    """An entry of the navigation as this reader sees it; see ``NavItem``."""

    label: str
    url_name: str
    icon: str
    key: str
    badge: NavBadge | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Banner:
    """A line above every page, for what must not be overlooked.

    Attributes:
        text: One sentence.
        tone: ``good``, ``info``, ``warning`` or ``critical``.
        url: Where more is said; may be empty.
        link: The words that lead there.
    """

    text: str
    tone: str
    url: str = ""
    link: str = ""


_nav: dict[str, NavItem] = {}
_banners: dict[str, Callable[[HttpRequest], Banner | None]] = {}


def add_nav(item: NavItem) -> None:
    """Register an entry of the navigation; the same URL name again replaces it."""
    _nav[item.url_name] = item


def add_banner(name: str, banner: Callable[[HttpRequest], Banner | None]) -> None:
    """Register a function that answers with the banner to show on a page, or None.

    It is asked for every page, error pages included, whose request may have no user and no
    session; for a page without a banner it must cost no query.
    """
    _banners[name] = banner


def context(request: HttpRequest) -> dict[str, Any]:
    """Context processor: the frame's variables for every template."""
    return {
        "portal_name": settings.PORTAL_NAME,
        "request_id": current_request_id.get(),
        "nav_items": [
            NavEntry(
                label=item.label,
                url_name=item.url_name,
                icon=item.icon,
                key=item.key or item.label[0].lower(),
                badge=_guarded(item.badge, request) if item.badge else None,
            )
            # What everybody sees comes before what needs a right.
            for item in sorted(_nav.values(), key=lambda item: bool(item.permission))
            if _may_see(request, item)
        ],
        "banners": [shown for make in _banners.values() if (shown := _guarded(make, request))],
    }


def _guarded(make: Callable[[HttpRequest], T | None], request: HttpRequest) -> T | None:
    """Ask another app's code; None where it fails, which must not take every page with it."""
    try:
        return make(request)
    except Exception:
        logger.exception("A part of the page's frame failed")
        return None


def _may_see(request: HttpRequest, item: NavItem) -> bool:
    # What fails before the middleware of sign-in has no user; its error page has a frame as well.
    user = getattr(request, "user", None)
    return not item.permission or (user is not None and user.has_perm(item.permission))
