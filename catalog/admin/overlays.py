"""The rows that lay annotations and links over an entity's file."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from catalog.forms import AnnotationRowForm, LinkRowForm, OverlayRows
from catalog.masking import is_secret, mask
from catalog.models import Entity, Overlay
from portal.templatetags.ui import ago


class OverlayInline(admin.StackedInline[Overlay, Entity]):
    """Rows of one sort of overlay; who may change the entity may change them."""

    model = Overlay
    formset = OverlayRows  # type: ignore[assignment]  # its rows are checked against the entity
    extra = 1
    readonly_fields = ["shown_value", "set_by"]
    field_of_rows: Overlay.Field

    def get_queryset(self, request: HttpRequest) -> QuerySet[Overlay]:
        """The rows of this sort."""
        rows = super().get_queryset(request)
        return rows.filter(field=self.field_of_rows).select_related("author")

    def get_fields(self, request: HttpRequest, obj: Entity | None = None) -> Any:
        """Who may only look sees a secret's mask."""
        may_change = self.has_change_permission(request, obj)
        return [("key", "value"), "set_by"] if may_change else ["key", "shown_value", "set_by"]

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
        """The value, masked where it is secret."""
        secret = overlay.field == Overlay.Field.ANNOTATION and is_secret(overlay.key)
        return mask(overlay.value) if secret and overlay.value else overlay.value

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
