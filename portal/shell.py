"""What the apps contribute to every page's frame: banners and entries of the navigation.

The shell of the site knows no domain. An app registers what it wants shown in its ``ready()``;
taking the app out of ``INSTALLED_APPS`` takes its entries away.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class NavItem:
    """An entry of the main navigation.

    Attributes:
        label: The visible word.
        url_name: A URL name that takes no arguments.
        icon: A name of the icon sprite.
        permission: The right one needs to see it, as ``app_label.codename``; empty: nobody needs
            one.
    """

    label: str
    url_name: str
    icon: str
    permission: str = ""


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
        "nav_items": [item for item in _nav.values() if _may_see(request, item)],
        "banners": [shown for make in _banners.values() if (shown := make(request))],
    }


def _may_see(request: HttpRequest, item: NavItem) -> bool:
    # What fails before the middleware of sign-in has no user; its error page has a frame as well.
    user = getattr(request, "user", None)
    return not item.permission or (user is not None and user.has_perm(item.permission))
