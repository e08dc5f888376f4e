"""What several pages of the admin show: who asks, an import's outcome, the texts of an issue."""

from collections.abc import Iterable

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from catalog.ingestion.report import ImportReport
from catalog.models import ImportIssue, Location
from catalog.presenters.notices import message_text
from portal.templatetags.ui import ago


def person(request: HttpRequest) -> User | None:
    """Who asks, as a row can keep it."""
    return request.user if isinstance(request.user, User) else None


def outcome(report: ImportReport) -> tuple[int, SafeString]:
    """The message about a refresh, and its level, for the person who asked for it."""
    address = reverse("admin:catalog_importrun_change", args=[report.run_id])
    run = format_html('<a href="{}">import {}</a>', address, report.run_id)
    if report.failure:
        return messages.ERROR, format_html("Nothing was changed: {}. See {}.", report.failure, run)
    counts = (
        f"{report.created:,} created, {report.changed:,} changed, {report.unchanged:,} unchanged, "
        f"{report.gone:,} gone, {report.refused:,} refused"
    )
    level = messages.WARNING if report.issues else messages.SUCCESS
    return level, format_html("{}. See {}.", counts, run)


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
