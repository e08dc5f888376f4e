"""The component tags, builtin in every template: one tag, one component.

What a template passes as a *value* is escaped. A *string literal* written in a template is trusted
by Django itself (``{% badge "<b>" %}`` prints the tag), so literals are plain words, never data.

Tones are ``neutral``, ``good``, ``warning``, ``critical``, ``info``, ``unknown`` and ``faint``; any
other word is drawn as ``unknown``, because a tone nobody knows must not look fine.
"""

import datetime as dt
import re
import zlib
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from django import template
from django.contrib.humanize.templatetags.humanize import naturaltime
from django.contrib.messages import constants as levels
from django.contrib.messages.storage.base import Message
from django.core.paginator import Page
from django.forms import BoundField, CheckboxInput
from django.template import Context
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import slugify

from portal import clock
from portal.zones import zone_name

register = template.Library()

TONES = frozenset({"neutral", "good", "warning", "critical", "info", "unknown", "faint"})
_NOTICE_ICONS = {
    "good": "check",
    "warning": "warning",
    "critical": "incidents",
    "unknown": "state-unknown",
}
_MESSAGE_TONES = {
    levels.SUCCESS: "good",
    levels.WARNING: "warning",
    levels.ERROR: "critical",
}
_AVATAR_HUES = 8
_WEEKDAY_NAMES_REACH = dt.timedelta(days=6)


def _tone(tone: str) -> str:
    return tone if tone in TONES else "unknown"


@register.simple_tag
def icon(name: str) -> SafeString:
    """Draw a symbol of the sprite ``static/img/icons.svg``, hidden from screen readers."""
    return _symbol(name)


@cache
def _symbol(name: str) -> SafeString:
    # A page has dozens; the names are the templates' and the presenters' own, so they are few.
    return format_html(
        '<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        static("img/icons.svg"),
        name,
    )


@register.simple_tag(name="badge")
def badge(text: object, tone: str = "neutral", icon: str = "") -> SafeString:
    """Print a state as word, colour and, with an icon, shape."""
    return format_html(
        '<span class="badge" data-tone="{}">{}{}</span>',
        _tone(tone),
        _optional_icon(icon),
        text,
    )


def _optional_icon(name: str) -> SafeString | str:
    return icon(name) if name else ""


@register.simple_tag
def ago(instant: dt.datetime | None) -> SafeString:
    """Print how long ago or ahead an instant is, with the absolute time in its title.

    Args:
        instant: An aware datetime, or None for a time that is not known.

    Returns:
        A ``<time>`` element in words of one unit: ``5 minutes ago``, ``in 2 hours``, ``now``.
    """
    if instant is None:
        return _unknown_time()
    return format_html(
        '<time datetime="{}" title="{}" data-ago>{}</time>',
        # To the microsecond: the age is written anew from it.
        instant.astimezone(dt.UTC).isoformat(),
        _absolute(instant),
        _relative(instant),
    )


# No text of a person or of PagerDuty matches: templates escape "<".
_AGO = re.compile(r'(<time datetime="([^"]*)" title="[^"]*" data-ago>)[^<]*')


def renew_ages(html: str) -> SafeString:
    """Write what ``ago`` prints now into HTML that was rendered earlier.

    Args:
        html: Of templates, so it is safe.
    """
    return SafeString(
        _AGO.sub(lambda age: f"{age[1]}{_relative(dt.datetime.fromisoformat(age[2]))}", html)
    )


@register.simple_tag
def when(instant: dt.datetime | None) -> SafeString:
    """Print an instant as short as it stays clear, in the reader's time zone, with the zone's name.

    Args:
        instant: An aware datetime, or None for a time that is not known.

    Returns:
        A ``<time>`` element: ``18:00 CET`` today, ``Mon 09:00 CET`` within the coming six days,
        ``3 Nov 09:00 CET`` in the same year, else with the year.
    """
    if instant is None:
        return _unknown_time()
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        instant.astimezone(dt.UTC).isoformat(timespec="seconds"),
        _absolute(instant),
        short_time(instant),
    )


def _unknown_time() -> SafeString:
    return format_html('<span class="faint">{}</span>', "unknown time")


def _absolute(instant: dt.datetime) -> str:
    local = timezone.localtime(instant)
    return f"{local:%a} {local.day} {local:%b %Y, %H:%M:%S} {zone_name(local)}"


def _relative(instant: dt.datetime) -> str:
    words = str(naturaltime(instant)).split(", ")
    if words[0].endswith(" from now"):
        return f"in {words[0].removesuffix(' from now')}"
    if len(words) == 1:
        return words[0]
    return f"in {words[0]}" if words[-1].endswith(" from now") else f"{words[0]} ago"


def short_time(instant: dt.datetime) -> str:
    """What :func:`when` prints, as plain text."""
    local, now = timezone.localtime(instant), timezone.localtime(clock.now())
    today = now.date()
    if local.date() == today:
        words = f"{local:%H:%M}"
    elif now < local < now + _WEEKDAY_NAMES_REACH:
        words = f"{local:%a %H:%M}"
    elif local.year == today.year:
        words = f"{local.day} {local:%b %H:%M}"
    else:
        words = f"{local.day} {local:%b %Y, %H:%M}"
    return f"{words} {zone_name(local)}"


@register.simple_tag
def avatar(name: str, url: str = "") -> SafeString:
    """Draw a person's initials in a tinted circle, and their picture over it once it has loaded.

    Decoration only: the name stands beside it in words.

    Args:
        name: The person's or group's display name.
        url: The picture's address; anything but https is left out.
    """
    parts = [part for part in name.replace(".", " ").replace("-", " ").split() if part[0].isalnum()]
    initials = "".join(part[0] for part in (parts[:1] + parts[1:][-1:])).upper() or "?"
    picture = (
        format_html(
            '<img src="{}" alt="" width="32" height="32" loading="lazy" decoding="async"'
            ' referrerpolicy="no-referrer">',
            url,
        )
        if _scheme(url) == "https"
        else ""
    )
    return format_html(
        '<span class="avatar" data-hue="{}" aria-hidden="true">{}{}</span>',
        zlib.crc32(name.encode()) % _AVATAR_HUES,
        initials,
        picture,
    )


def _scheme(url: str) -> str:
    try:
        return urlsplit(url).scheme.lower()
    except ValueError:
        return ""


@register.filter
def web_url(url: str) -> str:
    """The address if it leads to the web, else an empty string: what else may be in a row."""
    return url if _scheme(url) in {"http", "https"} else ""


@register.simple_tag
def external_link(url: str, text: object) -> SafeString:
    """Link to another site in a new tab; not http, https or mailto: print the text alone.

    The text may be a stranger's: its direction is isolated from the line it is printed in.
    """
    scheme = _scheme(url)
    if scheme == "mailto":
        return format_html('<a href="{}" dir="auto">{}</a>', url, text)
    if scheme not in {"http", "https"}:
        return format_html("<bdi>{}</bdi>", text)
    return format_html(
        '<a class="external" href="{}" target="_blank" rel="noopener noreferrer" dir="auto">{}{}'
        '<span class="visually-hidden"> (opens in a new tab)</span></a>',
        url,
        text,
        icon("external"),
    )


@register.simple_block_tag
def panel(
    content: str,
    title: str,
    id: str = "",  # noqa: A002 - the HTML attribute's own name
    tone: str = "neutral",
    actions: str = "",
) -> SafeString:
    """Frame a part of a page under a heading."""
    identifier = id or f"panel-{slugify(title)}"
    return _render(
        "panel",
        {
            "content": content,
            "title": title,
            "id": identifier,
            "tone": _tone(tone),
            "actions": actions,
        },
    )


@register.simple_block_tag
def notice(content: str, tone: str = "info", title: str = "") -> SafeString:
    """Call something out: what happened, whose turn it is."""
    return _render(
        "notice",
        {
            "content": content,
            "tone": _tone(tone),
            "title": title,
            "icon": _NOTICE_ICONS.get(_tone(tone), "info"),
        },
    )


@register.simple_block_tag
def dialog(
    content: str,
    id: str,  # noqa: A002 - the HTML attribute's own name
    title: str,
) -> SafeString:
    """Put content into a native dialog, opened by ``command="show-modal" commandfor=id``."""
    return _render("dialog", {"content": content, "id": id, "title": title})


def _render(component: str, context: dict[str, Any]) -> SafeString:
    return render_to_string(f"components/{component}.html", context)


@register.inclusion_tag("components/empty.html")
def empty_state(text: str, next: str = "", href: str = "") -> dict[str, str]:  # noqa: A002 - reads well in a template
    """Say why a list is empty and what to do next."""
    return {"text": text, "next": next, "href": href}


@register.inclusion_tag("components/field.html")
def field(bound_field: BoundField) -> dict[str, Any]:
    """Lay out one form field: label, input, help, errors, and a counter where length is limited."""
    return {
        "field": bound_field,
        "is_checkbox": isinstance(bound_field.field.widget, CheckboxInput),
        "max_length": getattr(bound_field.field, "max_length", None),
    }


@register.inclusion_tag("components/pagination.html", takes_context=True)
def pagination(context: Context, page_obj: Page[Any]) -> dict[str, Any]:
    """Link to the other pages of a list, keeping the rest of the query string."""
    return {
        "request": context.get("request"),
        "page": page_obj,
        "numbers": page_obj.paginator.get_elided_page_range(page_obj.number, on_each_side=1),
        "gap": page_obj.paginator.ELLIPSIS,
    }


@register.simple_tag
def zone() -> str:
    """The name of the reader's time zone now."""
    return zone_name(timezone.localtime())


@register.simple_tag
def message_tone(message: Message) -> str:
    """The tone of a message of ``django.contrib.messages``."""
    return _MESSAGE_TONES.get(message.level, "info")


@register.simple_tag(takes_context=True)
def current_section(context: Context, address: str) -> str:
    """The ``aria-current`` of a navigation link: ``page`` on it, ``true`` below it, else empty.

    Below two entries of the navigation, only the nearer one is current.
    """
    request = context.get("request")
    if request is None:
        return ""
    if request.path == address:
        return "page"
    if address == "/" or not request.path.startswith(address):
        return ""
    entries = (reverse(item.url_name) for item in context.get("nav_items") or ())
    nearest = max((e for e in entries if request.path.startswith(e)), key=len, default=address)
    return "true" if len(address) >= len(nearest) else ""
