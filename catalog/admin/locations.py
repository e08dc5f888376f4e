"""Locations in the admin."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from catalog.admin.presenters import last_read, outcomes, person
from catalog.forms import LocationForm
from catalog.models import Location
from catalog.tasks import refresh_soon
from catalog.versions import bump

MAX_REFRESHED = 50


@admin.register(Location)
class LocationAdmin(admin.ModelAdmin[Location]):
    """Where descriptors are read from."""

    form = LocationForm
    list_display = ["target", "type", "origin", "kinds", "last_read", "failures", "next_refresh_at"]
    list_filter = ["type", "origin"]
    search_fields = ["target"]
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    list_max_show_all = 0
    actions = ["refresh_now"]
    readonly_fields = [
        "origin",
        "created_by",
        "created_at",
        "last_read",
        "last_run",
        "failures",
        "next_refresh_at",
        "found",
    ]

    def get_form(
        self, request: HttpRequest, obj: Location | None = None, *args: Any, **kwargs: Any
    ) -> type[ModelForm[Location]]:
        """The form, told whether the person decides about the kinds, as on the register page."""
        may_choose = request.user.has_perm("catalog.change_location")
        kwargs["form"] = type("LocationForm", (LocationForm,), {"may_choose_kinds": may_choose})
        form: type[ModelForm[Location]] = super().get_form(request, obj, *args, **kwargs)
        return form

    def get_queryset(self, request: HttpRequest) -> QuerySet[Location]:
        """With who made it and what read it last."""
        return super().get_queryset(request).select_related("created_by", "last_run")

    def get_fieldsets(self, request: HttpRequest, obj: Location | None = None) -> Any:
        """What is read; for one that is there, what came of it."""
        del request
        what = {
            "fields": ["type", "target", "allowed_kinds"],
            "description": format_html(
                'The <a href="{}">register page</a> shows first what a location would bring. '
                "What is saved here is read by the worker next.",
                reverse("catalog:register"),
            ),
        }
        if obj is None:
            return [(None, what)]
        return [
            (None, {"fields": what["fields"]}),
            ("What came of it", {"fields": [*self.readonly_fields]}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Location | None = None) -> Any:
        """Another target is another location."""
        del request
        return self.readonly_fields if obj is None else ["type", "target", *self.readonly_fields]

    def save_model(
        self,
        request: HttpRequest,
        obj: Location,
        form: ModelForm[Location],
        change: bool,  # noqa: FBT001 -- Django's signature
    ) -> None:
        """Note who registered it, and have it read soon."""
        if not change:
            obj.created_by = person(request)
        obj.next_refresh_at = timezone.now()
        super().save_model(request, obj, form, change)
        bump()

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Not Django's own deletion: what goes with a location is shown on its own page."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Lead to the page that shows what goes with it."""
        del request, extra_context
        address = reverse("catalog:location-unregister", args=[int(object_id)])
        return HttpResponseRedirect(address)

    def view_on_site(self, obj: Location) -> str:
        """The location's page."""
        return obj.get_absolute_url()

    def has_refresh_permission(self, request: HttpRequest) -> bool:
        """Who may have a location read again."""
        return request.user.has_perm("catalog.refresh_location")

    @admin.action(description="Refresh now", permissions=["refresh"])
    def refresh_now(self, request: HttpRequest, locations: QuerySet[Location]) -> None:
        """Have the chosen locations read and say what came of it."""
        chosen = list(locations[: MAX_REFRESHED + 1])
        if len(chosen) > MAX_REFRESHED:
            self.message_user(request, f"Choose at most {MAX_REFRESHED} locations.", "ERROR")
            return
        for level, text in outcomes(refresh_soon(chosen, person(request))):
            self.message_user(request, text, level)

    @admin.display(description="Last read", ordering="last_read_at")
    def last_read(self, location: Location) -> SafeString | str:
        """When it was last read, and whether to its end."""
        return last_read(location)

    @admin.display(description="Kinds")
    def kinds(self, location: Location) -> str:
        """The kinds its files may define."""
        return ", ".join(location.allowed_kinds) or "all"

    @admin.display(description="What is there")
    def found(self, location: Location) -> SafeString:
        """Lists of its entities and of its issues, with their totals."""
        query = f"?location__id__exact={location.pk}"
        return format_html(
            '<a href="{}">{} entities</a>, <a href="{}">{} issues</a>',
            reverse("admin:catalog_entity_changelist") + query,
            location.entities.count(),
            reverse("admin:catalog_importissue_changelist") + query,
            location.issues.count(),
        )
