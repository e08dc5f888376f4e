"""What lies over files: the rows on an entity's page, and the list of all of it."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import CharField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Cast
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from catalog.admin.presenters import person
from catalog.editing.overlays import maskers_of, remove_overlay
from catalog.forms import AnnotationRowForm, LinkRowForm, OverlayRows
from catalog.masking import Masker
from catalog.models import Entity, Overlay
from catalog.secrets import is_secret, mask
from portal.templatetags.ui import ago


class OverlayInline(admin.StackedInline[Overlay, Entity]):
    """Rows of one sort of overlay; who may change the entity may change them."""

    model = Overlay
    formset = OverlayRows  # type: ignore[assignment]  # its rows are checked against the entity
    extra = 1
    readonly_fields = ["shown_key", "shown_value", "set_by"]
    field_of_rows: Overlay.Field

    def get_queryset(self, request: HttpRequest) -> QuerySet[Overlay]:
        """The rows of this sort."""
        rows = super().get_queryset(request)
        return rows.filter(field=self.field_of_rows).select_related("author")

    def get_fields(self, request: HttpRequest, obj: Entity | None = None) -> Any:
        """Who may only look sees a secret's mask."""
        may_change = self.has_change_permission(request, obj)
        return (
            [("key", "value"), "set_by"] if may_change else ["shown_key", "shown_value", "set_by"]
        )

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who may change the entity."""
        del obj
        return request.user.has_perm("catalog.change_entity")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who may change the entity."""
        del obj
        return request.user.has_perm("catalog.change_entity")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who may change the entity."""
        del obj
        return request.user.has_perm("catalog.change_entity")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who may see the entity."""
        del obj
        user = request.user
        return user.has_perm("catalog.view_entity") or user.has_perm("catalog.change_entity")

    @admin.display(description="Value")
    def shown_value(self, overlay: Overlay) -> str:
        """The value, masked where it is secret or repeats a secret."""
        return _masker(overlay).text(_shown(overlay))

    @admin.display(description="Key")
    def shown_key(self, overlay: Overlay) -> str:
        """The key, for who may only look: the address of a link may repeat a secret."""
        return _masker(overlay).text(overlay.key)

    @admin.display(description="Set by")
    def set_by(self, overlay: Overlay) -> str:
        """Who wrote it last, and when."""
        if not overlay.changed_at:  # a row to fill in
            return "nobody yet"
        name = overlay.author.get_username() if overlay.author else "a former user"
        return format_html("{}, {}", name, ago(overlay.changed_at))


class AnnotationInline(OverlayInline):
    """Annotations over the file, the mapping to PagerDuty among them."""

    form = AnnotationRowForm
    field_of_rows = Overlay.Field.ANNOTATION
    verbose_name = "annotation over the file"
    verbose_name_plural = "annotations over the file"


class LinkInline(OverlayInline):
    """Links over the file."""

    form = LinkRowForm
    field_of_rows = Overlay.Field.LINK
    verbose_name = "link over the file"
    verbose_name_plural = "links over the file"


def _shown(overlay: Overlay) -> str:
    secret = overlay.field == Overlay.Field.ANNOTATION and is_secret(overlay.key)
    return mask(overlay.value) if secret and overlay.value else overlay.value


def _masker(overlay: Overlay) -> Masker:
    """What hides the secrets of its entity; lists find it for all of their rows at once."""
    masker = getattr(overlay, "masker", None)
    return masker or maskers_of([overlay]).get(overlay.pk, Masker({}))


@admin.register(Overlay)
class OverlayAdmin(admin.ModelAdmin[Overlay]):
    """All that lies over files, that of entities which are gone just now too; edited with them."""

    list_display = [
        "entity_id",
        "field",
        "shown_key",
        "shown_value",
        "author",
        "changed_at",
        "is_there",
    ]
    list_select_related = ["author"]
    list_filter = ["field"]
    search_fields = ["entity__ref", "key"]
    search_help_text = "Reference, or key of an annotation."
    ordering = ["entity_id", "field", "pk"]
    list_per_page = 50
    list_max_show_all = 0
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    fields = ["entity_link", "field", "shown_key", "shown_value", "author", "changed_at"]
    readonly_fields = ["entity_link", "shown_key", "shown_value", "changed_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Overlay]:
        """With whether the entity is in the catalog."""
        there = Entity.objects.filter(ref=OuterRef("entity_id"))
        rows = super().get_queryset(request).annotate(entity_pk=Subquery(there.values("pk")[:1]))
        return rows.select_related("author")

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """The list, with what hides the secrets in its rows."""
        found = super().get_changelist_instance(request)
        found.result_list = list(found.result_list)
        maskers = maskers_of(found.result_list)
        for row in found.result_list:
            row.masker = maskers[row.pk]
        return found

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Overlay], search_term: str
    ) -> tuple[QuerySet[Overlay], bool]:
        """Search the reference as it is stored: there may be no entity to join.

        A link's key is an address, which may repeat a secret that the list masks.
        """
        del request
        queryset = queryset.annotate(ref_text=Cast("entity_id", CharField()))
        annotation = Q(field=Overlay.Field.ANNOTATION)
        for word in search_term.split():
            in_key = annotation & Q(key__icontains=word)
            queryset = queryset.filter(Q(ref_text__icontains=word) | in_key)
        return queryset, False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """They are added on their entity's page."""
        del request
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """They are changed on their entity's page."""
        del request, obj
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who may see entities."""
        del obj
        user = request.user
        return user.has_perm("catalog.view_entity") or user.has_perm("catalog.change_entity")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who may change entities."""
        del obj
        return request.user.has_perm("catalog.change_entity")

    def delete_model(self, request: HttpRequest, obj: Overlay) -> None:
        """Bring the file's value back."""
        remove_overlay(obj, user=person(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Overlay]) -> None:
        """Bring the file's values back."""
        for overlay in queryset:
            remove_overlay(overlay, user=person(request))

    @admin.display(description="Value")
    def shown_value(self, overlay: Overlay) -> str:
        """The value, masked where it is secret or repeats a secret."""
        return _masker(overlay).text(_shown(overlay))

    @admin.display(description="Key")
    def shown_key(self, overlay: Overlay) -> str:
        """The key; the address of a link may repeat a secret."""
        return _masker(overlay).text(overlay.key)

    @admin.display(description="In the catalog", boolean=True)
    def is_there(self, overlay: Overlay) -> bool:
        """Whether its entity is in the catalog just now."""
        return getattr(overlay, "entity_pk", None) is not None

    @admin.display(description="Entity")
    def entity_link(self, overlay: Overlay) -> SafeString | str:
        """The page where it is changed."""
        pk = getattr(overlay, "entity_pk", None)
        if pk is None:
            return f"{overlay.entity_id}, which is not in the catalog just now"
        address = reverse("admin:catalog_entity_change", args=[pk])
        return format_html('<a href="{}">{}</a>', address, overlay.entity_id)
