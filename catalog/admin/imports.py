"""What imports did and what stands wrong, in the admin; read only."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from catalog.admin.filters import LocationFilter
from catalog.admin.presenters import reasons
from catalog.links import entity_url
from catalog.models import ImportIssue, ImportRun, Revision
from catalog.refs import EntityRef, InvalidRefError
from portal.admin_site import ReadOnly

SHOWN_ISSUES = 100
SHOWN_CHANGES = 50


class IssueInline(ReadOnly, admin.TabularInline[ImportIssue, ImportRun]):
    """The first hundred issues that a run saw and that still stand."""

    model = ImportIssue
    fields = ["kind", "place", "ref", "reasons"]
    readonly_fields = ["place", "reasons"]
    extra = 0
    verbose_name_plural = f"issues it saw that still stand (the first {SHOWN_ISSUES})"
    show_change_link = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[ImportIssue]:
        """At most a hundred rows of this run."""
        rows = super().get_queryset(request)
        match = request.resolver_match
        run = str(match.kwargs.get("object_id", "")) if match else ""
        first = ImportIssue.objects.filter(run_id=int(run) if run.isdecimal() else None)
        return rows.filter(pk__in=list(first.values_list("pk", flat=True)[:SHOWN_ISSUES]))

    @admin.display(description="Place")
    def place(self, issue: ImportIssue) -> str:
        """File and line."""
        return issue.place

    @admin.display(description="Reasons")
    def reasons(self, issue: ImportIssue) -> SafeString:
        """Every error, a line each."""
        return reasons(issue)


@admin.register(ImportRun)
class ImportRunAdmin(ReadOnly, admin.ModelAdmin[ImportRun]):
    """What each import did; read only."""

    list_display = [
        "started_at",
        "trigger",
        "state",
        "created",
        "changed",
        "unchanged",
        "orphaned",
        "removed",
        "refused",
        "took",
        "started_by",
    ]
    list_filter = ["state", "trigger", "started_at"]
    list_select_related = ["started_by"]
    list_per_page = 50
    list_max_show_all = 0
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    fields = [
        "trigger",
        "started_by",
        "started_at",
        "took",
        "state",
        "failure",
        "created",
        "changed",
        "unchanged",
        "orphaned",
        "removed",
        "refused",
        "where",
        "what_changed",
        "all_issues",
    ]
    readonly_fields = ["took", "where", "what_changed", "all_issues"]
    inlines = [IssueInline]

    @admin.display(description="Took", ordering="duration_s")
    def took(self, run: ImportRun) -> str:
        """Seconds from start to end."""
        return f"{run.duration_s:.1f} s"

    @admin.display(description="Locations")
    def where(self, run: ImportRun) -> SafeString:
        """What was read: the first twenty locations, and how many more there were."""
        rows = list(run.locations.values_list("pk", "target")[:20])
        more = run.locations.count() - len(rows)
        links = format_html_join(
            ", ",
            '<a href="{}">{}</a>',
            ((reverse("admin:catalog_location_change", args=[pk]), target) for pk, target in rows),
        )
        return format_html("{}{}", links, f" and {more:,} more" if more > 0 else "")

    @admin.display(description="What changed")
    def what_changed(self, run: ImportRun) -> SafeString | str:
        """The first entities that the run changed, each with its history."""
        rows = list(run.revisions.order_by("entity_id", "pk")[:SHOWN_CHANGES])
        more = run.revisions.count() - len(rows)
        if not rows:
            return "nothing that was there before"
        links = format_html_join(", ", "{} {}", ((_history(row), row.action) for row in rows))
        return format_html("{}{}", links, f" and {more:,} more" if more > 0 else "")

    @admin.display(description="All issues")
    def all_issues(self, run: ImportRun) -> SafeString:
        """The list of every issue that the run found and that is not fixed yet."""
        address = reverse("admin:catalog_importissue_changelist")
        return format_html(
            '<a href="{}?run__id__exact={}">{} not fixed yet</a>',
            address,
            run.pk,
            run.issues.count(),
        )


def _history(row: Revision) -> SafeString | str:
    url = entity_url(EntityRef.parse(row.entity_id), "history")
    return format_html('<a href="{}">{}</a>', url, row.entity_id) if url else row.entity_id


@admin.register(ImportIssue)
class ImportIssueAdmin(ReadOnly, admin.ModelAdmin[ImportIssue]):
    """What stands wrong now; read only."""

    list_display = [
        "place",
        "first_reason",
        "kind",
        "ref",
        "first_seen_at",
        "last_seen_at",
    ]
    list_filter = ["kind", LocationFilter]
    also_filtered_by = ("run__id__exact",)  # the link of a run's page
    search_fields = ["file", "ref"]
    search_help_text = "File or reference."
    ordering = ["file", "document", "pk"]
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    list_max_show_all = 0
    fields = [
        "kind",
        "location",
        "file",
        "document",
        "line",
        "entity",
        "holder",
        "reasons",
        "first_seen_at",
        "last_seen_at",
        "run",
    ]
    readonly_fields = ["entity", "reasons"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ImportIssue]:
        """With its location and its run."""
        return super().get_queryset(request).select_related("location", "run")

    @admin.display(description="Place", ordering="file")
    def place(self, issue: ImportIssue) -> str:
        """File and line."""
        return issue.place

    @admin.display(description="Entity")
    def entity(self, issue: ImportIssue) -> SafeString | str:
        """Its page, which says so too if nothing has the reference."""
        try:
            url = entity_url(EntityRef.parse(issue.ref)) if issue.ref else ""
        except InvalidRefError:
            url = ""
        return format_html('<a href="{}">{}</a>', url, issue.ref) if url else issue.ref or "unknown"

    @admin.display(description="First reason")
    def first_reason(self, issue: ImportIssue) -> str:
        """The first error's text."""
        return str(issue.messages[0].get("message", "")) if issue.messages else ""

    @admin.display(description="Reasons")
    def reasons(self, issue: ImportIssue) -> SafeString:
        """Every error, a line each."""
        return reasons(issue)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """There is nothing to do to many at once."""
        del request
        return {}
