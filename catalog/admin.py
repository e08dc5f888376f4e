"""The administration of the catalog: entities as YAML, locations, and what imports did."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from catalog.documents import descriptor_yaml
from catalog.forms import DescriptorForm, LocationForm
from catalog.ingestion.importer import run_import
from catalog.ingestion.report import Report
from catalog.models import Entity, ImportIssue, ImportRun, Location

SHOWN_ISSUES = 100


class ReadOnly:
    """For rows that the portal writes and people only read."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody adds one by hand."""
        del request, obj
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody changes one."""
        del request, obj
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody deletes one: it is the record of what happened."""
        del request, obj
        return False


@admin.register(Entity)
class EntityAdmin(admin.ModelAdmin[Entity]):
    """Edit an entity as its descriptor, by the rules of the import."""

    form = DescriptorForm
    list_display = ["name", "namespace", "kind", "type", "owner_ref", "place", "changed_at"]
    list_filter = ["kind", "lifecycle", "location"]
    search_fields = ["name", "title", "ref", "owner_ref"]
    list_per_page = 50
    show_full_result_count = False
    ordering = ["name", "namespace", "kind"]
    fieldsets = [
        (None, {"fields": ["descriptor_text"]}),
        ("Where it comes from", {"fields": ["ref", "place", "location", "run", "changed_at"]}),
    ]
    readonly_fields = ["ref", "place", "location", "run", "changed_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Entity]:
        """Leave the descriptors unread in lists."""
        rows = super().get_queryset(request)
        match = request.resolver_match
        is_list = match is not None and match.url_name == "catalog_entity_changelist"
        return rows.defer("descriptor") if is_list else rows.select_related("location", "run")

    def get_form(
        self, request: HttpRequest, obj: Entity | None = None, *args: Any, **kwargs: Any
    ) -> type[ModelForm[Entity]]:
        """The form, told who edits."""
        form: type[ModelForm[Entity]] = super().get_form(request, obj, *args, **kwargs)
        return type(form.__name__, (form,), {"user": request.user})

    def save_model(
        self,
        request: HttpRequest,
        obj: Entity,
        form: ModelForm[Entity],
        change: bool,  # noqa: FBT001 -- Django's signature
    ) -> None:
        """Do nothing: the form has stored the descriptor with its tags and relations."""
        del request, obj, form, change

    def get_fieldsets(self, request: HttpRequest, obj: Entity | None = None) -> Any:
        """Say, for an entity read from a file, that the file wins in the end."""
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None:
            return fieldsets[:1]
        if not obj.source:
            return fieldsets
        warning = f"The next import of {obj.source} that finds it changed overwrites this text."
        return [
            (None, {**fieldsets[0][1], "description": format_html("{}", warning)}),
            *fieldsets[1:],
        ]

    def view_on_site(self, obj: Entity) -> str:
        """The entity's page."""
        return obj.get_absolute_url()

    @admin.display(description="Descriptor")
    def descriptor_text(self, obj: Entity) -> SafeString:
        """The descriptor for people who may look and not edit, secrets masked."""
        return format_html("<pre>{}</pre>", descriptor_yaml(obj))

    @admin.display(description="Source", ordering="source")
    def place(self, obj: Entity) -> str:
        """File and line, or address."""
        if not obj.source:
            return "made in the administration"
        return f"{obj.source}:{obj.source_line}" if obj.source_line else obj.source


@admin.register(Location)
class LocationAdmin(admin.ModelAdmin[Location]):
    """Where descriptors are read from."""

    form = LocationForm
    list_display = ["target", "type", "read_at"]
    list_filter = ["type"]
    search_fields = ["target"]
    readonly_fields = ["read_at"]
    actions = ["import_now"]

    @admin.action(description="Import now", permissions=["change"])
    def import_now(self, request: HttpRequest, locations: QuerySet[Location]) -> None:
        """Read the chosen locations and say what came of it."""
        user = request.user if isinstance(request.user, User) else None
        report = run_import([location.target for location in locations], user=user)
        level, text = _outcome(report)
        self.message_user(request, text, level)


def _outcome(report: Report) -> tuple[int, SafeString]:
    """What to tell the person who asked for an import, and how loudly."""
    address = reverse("admin:catalog_importrun_change", args=[report.run_id])
    run = format_html('<a href="{}">import {}</a>', address, report.run_id)
    if report.failure:
        return messages.ERROR, format_html("Nothing was changed: {}. See {}.", report.failure, run)
    counts = (
        f"{report.created} new, {report.changed} changed, {report.unchanged} unchanged, "
        f"{report.refused} refused"
    )
    level = messages.WARNING if report.issues else messages.SUCCESS
    return level, format_html("{}. See {}.", counts, run)


class IssueInline(ReadOnly, admin.TabularInline[ImportIssue, ImportRun]):
    """The first hundred refusals of a run."""

    model = ImportIssue
    fields = ["place", "ref", "reasons"]
    readonly_fields = ["place", "ref", "reasons"]
    extra = 0
    verbose_name_plural = f"refused documents (the first {SHOWN_ISSUES})"
    show_change_link = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[ImportIssue]:
        """At most a hundred rows of this run."""
        rows = super().get_queryset(request)
        match = request.resolver_match
        run = str(match.kwargs.get("object_id", "")) if match else ""
        first = ImportIssue.objects.filter(run_id=int(run) if run.isdecimal() else None)
        return rows.filter(pk__in=first.values("pk")[:SHOWN_ISSUES])

    @admin.display(description="Place")
    def place(self, issue: ImportIssue) -> str:
        """File and line."""
        return f"{issue.file}:{issue.line}" if issue.line else issue.file

    @admin.display(description="Reasons")
    def reasons(self, issue: ImportIssue) -> SafeString:
        """Every error, a line each."""
        return _reasons(issue)


def _reasons(issue: ImportIssue) -> SafeString:
    return format_html_join(
        "",
        "<p>{}{}{}</p>",
        (
            (
                f"Line {message['line']}: " if message.get("line") else "",
                f"{message['path']}: " if message.get("path") else "",
                f"{message.get('message', '')} {message.get('hint', '')}".strip(),
            )
            for message in issue.messages
        ),
    )


@admin.register(ImportRun)
class ImportRunAdmin(ReadOnly, admin.ModelAdmin[ImportRun]):
    """What each import did; read only."""

    list_display = [
        "started_at",
        "state",
        "created",
        "changed",
        "unchanged",
        "removed",
        "refused",
        "duration_s",
        "started_by",
    ]
    list_filter = ["state", "started_at"]
    list_select_related = ["started_by"]
    fields = [
        "state",
        "started_at",
        "duration_s",
        "started_by",
        "failure",
        "created",
        "changed",
        "unchanged",
        "orphaned",
        "removed",
        "refused",
        "where",
        "all_issues",
    ]
    readonly_fields = ["where", "all_issues"]
    inlines = [IssueInline]

    @admin.display(description="Locations")
    def where(self, run: ImportRun) -> str:
        """What was read: the first twenty locations, and how many there were."""
        targets = list(run.locations.values_list("target", flat=True)[:20])
        more = run.locations.count() - len(targets)
        return ", ".join(targets) + (f" and {more} more" if more > 0 else "")

    @admin.display(description="All refusals")
    def all_issues(self, run: ImportRun) -> SafeString:
        """The list of every refusal of the run."""
        address = reverse("admin:catalog_importissue_changelist")
        return format_html(
            '<a href="{}?run__id__exact={}">{} refusals</a>', address, run.pk, run.issues.count()
        )


@admin.register(ImportIssue)
class ImportIssueAdmin(ReadOnly, admin.ModelAdmin[ImportIssue]):
    """Documents that imports refused; read only."""

    list_display = ["file", "line", "ref", "first_reason", "run"]
    list_select_related = ["run"]
    search_fields = ["file", "ref"]
    ordering = ["-run_id", "file", "document"]
    show_full_result_count = False
    fields = ["run", "file", "document", "line", "ref", "reasons"]
    readonly_fields = ["reasons"]

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """The list may be narrowed to one run."""
        return lookup == "run__id__exact" or super().lookup_allowed(
            lookup,
            value,
            request,  # type: ignore[arg-type]
        )

    @admin.display(description="First reason")
    def first_reason(self, issue: ImportIssue) -> str:
        """The first error's text."""
        return str(issue.messages[0].get("message", "")) if issue.messages else ""

    @admin.display(description="Reasons")
    def reasons(self, issue: ImportIssue) -> SafeString:
        """Every error, a line each."""
        return _reasons(issue)
