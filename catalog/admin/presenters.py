"""What several pages of the admin show: who asks, an import's outcome, the texts of an issue."""

from collections.abc import Iterable
from itertools import chain, repeat

from django.contrib.auth.models import User
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from catalog.locations.pending import RefreshAnswer
from catalog.models import ImportIssue, Location
from catalog.presenters.locations import outcomes_of
from catalog.presenters.notices import message_text
from portal.templatetags.ui import ago


def person(request: HttpRequest) -> User | None:
    """Who asks, as a row can keep it."""
    return request.user if isinstance(request.user, User) else None


def outcomes(answer: RefreshAnswer) -> list[tuple[int, SafeString]]:
    """The messages about a refresh, and their levels, for the person who asked for it."""
    links = [
        format_html(
            ' See <a href="{}">import {}</a>.',
            reverse("admin:catalog_importrun_change", args=[ended.run.pk]),
            ended.run.pk,
        )
        for ended in answer.ended
    ]
    return [
        (outcome.level, format_html("{}{}", outcome.text, link))
        for outcome, link in zip(outcomes_of(answer), chain(links, repeat("")), strict=False)
    ]


def last_read(location: Location) -> SafeString | str:
    """When a location was last read, and whether to its end, as its own page says."""
    if location.last_import_at is None:
        return "never"
    if not location.is_incomplete:
        return ago(location.last_import_at)
    part = "in part" if location.read_at else "never completely"
    return format_html("{}, {}", ago(location.last_import_at), part)


def reasons(issue: ImportIssue) -> SafeString:
    """Every message of an issue, a line each."""
    return lines(message_text(message) for message in issue.messages)


def lines(texts: Iterable[object]) -> SafeString:
    """Texts, each a paragraph."""
    return format_html_join("", "<p>{}</p>", ((text,) for text in texts))
