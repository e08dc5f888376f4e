"""What the lists of the admin are narrowed by; no filter lists more than a screen."""

from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest

from catalog.models import Entity, ImportIssue, Location, Overlay

SHOWN = 30
ORPHAN = Q(orphaned_at__isnull=False) | (~Q(source="") & Q(location=None))
HAS_ERROR = Exists(
    ImportIssue.objects.filter(ref=OuterRef("ref")).exclude(kind=ImportIssue.Kind.WARNING)
)


class StateFilter(admin.SimpleListFilter):
    """What is the matter with an entity."""

    title = "state"
    parameter_name = "state"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Entity]
    ) -> list[tuple[str, str]]:
        """The states by their names."""
        del request, model_admin
        return [
            ("ok", "OK"),
            ("error", "has errors"),
            ("orphan", "orphan"),
            ("local", "local"),
            ("overlaid", "overlaid"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Entity]) -> QuerySet[Entity]:
        """The entities of the chosen state."""
        del request
        match self.value():
            case "ok":
                return queryset.exclude(ORPHAN).exclude(HAS_ERROR)
            case "error":
                return queryset.filter(HAS_ERROR)
            case "orphan":
                return queryset.filter(ORPHAN)
            case "local":
                return queryset.filter(source="")
            case "overlaid":
                return queryset.filter(Exists(Overlay.objects.filter(entity=OuterRef("ref"))))
        return queryset


class LocationFilter(admin.SimpleListFilter):
    """Where rows were read from: the first few locations, and the chosen one."""

    title = "location"
    parameter_name = "location__id__exact"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> list[tuple[str, str]]:
        """At most thirty locations; the title says if there are more."""
        del model_admin
        rows = Location.objects.order_by("target").values_list("pk", "target")
        found = list(rows[: SHOWN + 1])
        if len(found) > SHOWN:
            self.title = f"location (the first {SHOWN}; others from their own page)"
            found = found[:SHOWN]
        chosen = request.GET.get(self.parameter_name, "")
        if chosen.isdecimal() and int(chosen) not in dict(found):
            found = [*rows.filter(pk=int(chosen)), *found]
        return [(str(pk), target) for pk, target in found]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The rows of the chosen location."""
        del request
        value = self.value() or ""
        if not value:
            return queryset
        return queryset.filter(location_id=int(value)) if value.isdecimal() else queryset.none()


class LifecycleFilter(admin.SimpleListFilter):
    """The entity's lifecycle: the first few there are."""

    title = "lifecycle"
    parameter_name = "lifecycle__exact"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Entity]
    ) -> list[tuple[str, str]]:
        """At most thirty lifecycles, and the chosen one."""
        del model_admin
        rows = Entity.objects.exclude(lifecycle="").order_by("lifecycle")
        found = list(rows.values_list("lifecycle", flat=True).distinct()[:SHOWN])
        chosen = request.GET.get(self.parameter_name, "")
        if chosen and chosen not in found:
            found.append(chosen)
        return [(one, one) for one in found]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Entity]) -> QuerySet[Entity]:
        """The entities of the chosen lifecycle."""
        del request
        value = self.value()
        return queryset.filter(lifecycle=value) if value else queryset
