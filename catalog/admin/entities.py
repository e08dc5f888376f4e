"""Entities in the admin: local ones as YAML, those of files with what lies over them."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import DELETION, LogEntry
from django.db.models import Exists, OuterRef, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from catalog.admin.filters import ORPHAN, LifecycleFilter, LocationFilter, StateFilter
from catalog.admin.overlays import AnnotationInline, LinkInline
from catalog.admin.presenters import last_read, lines, outcomes, person, reasons
from catalog.documents import descriptor_yaml
from catalog.editing import local, removing
from catalog.editing.local import InvalidDescriptor
from catalog.editing.overlays import InvalidOverlay
from catalog.forms import DescriptorForm, OverlayForm, OverlayRowForm
from catalog.locations import entity_issues
from catalog.masking import DEFAULT_MASKER, Masker
from catalog.models import Entity, ImportIssue, Location, Overlay
from catalog.search.exporting import FORMATS, entities_in_order
from catalog.tasks import refresh_soon

SHOWN = 50
SHORT = 30
MAX_REFRESHED = 50
_HEAD = "# Secrets are masked; the command export_catalog writes what imports unchanged.\n"
_FROM_FILE = "A file rules this entity, so its descriptor is changed there."
_ORPHAN = "No location has this entity any more. Delete it, or make it local to go on with it here."


@admin.register(Entity)
class EntityAdmin(admin.ModelAdmin[Entity]):
    """Edit a local entity as its descriptor; lay values over one that a file rules."""

    list_display = [
        "ref",
        "type",
        "owner",
        "state",
        "short_place",
        "changed_at",
    ]
    list_filter = [StateFilter, "kind", LifecycleFilter, LocationFilter]
    search_fields = ["ref", "title", "owner_ref"]
    search_help_text = "Reference, title or owner."
    list_per_page = 50
    list_max_show_all = 0
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    ordering = ["sort_name", "id"]
    actions = ["delete_selected", "delete_orphans", "adopt", "refresh_locations", "export_yaml"]
    readonly_fields = [
        "ref",
        "place",
        "location_link",
        "run_link",
        "changed_at",
        "current_issues",
        "choices",
    ]

    class Media:
        css = {"all": ["css/pages/admin.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Entity]:
        """Leave the descriptors unread in lists."""
        rows = super().get_queryset(request)
        match = request.resolver_match
        if match is not None and match.url_name == "catalog_entity_changelist":
            return rows.defer("descriptor", "written", "reference_lines", "description").annotate(
                has_issues=Exists(ImportIssue.objects.filter(ref=OuterRef("ref")))
            )
        return rows.select_related("location", "run")

    def get_form(
        self, request: HttpRequest, obj: Entity | None = None, *args: Any, **kwargs: Any
    ) -> type[ModelForm[Entity]]:
        """The form for this entity, told who edits."""
        chosen: type[DescriptorForm | OverlayForm] = (
            DescriptorForm if obj is None or obj.is_local else OverlayForm
        )
        kwargs["form"] = type(chosen.__name__, (chosen,), {"user": person(request)})
        form: type[ModelForm[Entity]] = super().get_form(request, obj, *args, **kwargs)
        return form

    def get_fieldsets(self, request: HttpRequest, obj: Entity | None = None) -> Any:
        """The descriptor to edit, or to read with what lies over it and where it comes from."""
        if obj is None:
            return [(None, {"fields": ["descriptor_text"], "classes": ["monospace"]})]
        place = {"fields": ["ref", "place", "location_link", "run_link", "changed_at"]}
        if obj.is_local:
            return [
                (None, {"fields": ["descriptor_text"], "classes": ["monospace"]}),
                ("Where it comes from", {"fields": [*place["fields"], "current_issues"]}),
            ]
        why = _ORPHAN if obj.is_orphan else _FROM_FILE
        may_choose = obj.is_orphan and self.has_change_permission(request, obj)
        place["fields"] += ["current_issues", *(["choices"] if may_choose else [])]
        return [
            ("Where it comes from", place | {"description": why}),
            ("Descriptor in force", {"fields": ["shown_descriptor"], "classes": ["collapse"]}),
            (
                "Over the file",
                {
                    "fields": ["overlay_owner"],
                    "description": "What is set here and below holds over the file, whatever it "
                    "says, and stays when the file changes. Taking it away brings the file's "
                    "value back. Keys, tokens, secrets and passwords are shown masked, as "
                    "****last4: leave the mask to keep the value.",
                },
            ),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Entity | None = None) -> list[str]:
        """The descriptor of a file is read only."""
        del request
        own = [*self.readonly_fields]
        return own if obj is None or obj.is_local else [*own, "shown_descriptor"]

    def get_inlines(self, request: HttpRequest, obj: Entity | None) -> list[Any]:
        """What lies over a file, for entities that have one."""
        del request
        return [] if obj is None or obj.is_local else [AnnotationInline, LinkInline]

    def save_model(
        self,
        request: HttpRequest,
        obj: Entity,
        form: ModelForm[Entity],
        change: bool,  # noqa: FBT001 -- Django's signature
    ) -> None:
        """Do nothing: the form has stored the descriptor with its tags and relations."""
        del request, obj, form, change

    def save_related(
        self,
        request: HttpRequest,
        form: ModelForm[Entity],
        formsets: Any,
        change: bool,  # noqa: FBT001 -- Django's signature
    ) -> None:
        """Store what lies over the file as one change; a local entity has nothing more."""
        del change
        if not isinstance(form, OverlayForm):
            return
        rows = [row for formset in formsets for row in formset.forms]
        try:
            form.save_overlays([row for row in rows if isinstance(row, OverlayRowForm)])
        except InvalidOverlay as exc:
            text = f"The file changed meanwhile, and this does not fit over it any more: {exc}"
            self.message_user(request, Masker.of(form.instance).text(text), messages.ERROR)

    def construct_change_message(
        self,
        request: HttpRequest,
        form: Any,
        formsets: Any,
        add: bool = False,  # noqa: FBT001, FBT002 -- Django's signature
    ) -> Any:
        """What Django's own record says; ours is the entity's history."""
        del request, formsets
        if add:
            return [{"added": {}}]
        what = "overlays" if isinstance(form, OverlayForm) else "descriptor"
        return [{"changed": {"fields": [what]}}]

    def response_change(self, request: HttpRequest, obj: Entity) -> HttpResponse:
        """Make it local if that button was pressed."""
        if "_adopt" in request.POST:
            self._adopt(request, [obj])
        return super().response_change(request, obj)

    def delete_model(self, request: HttpRequest, obj: Entity) -> None:
        """Delete it, and say so in its history."""
        removing.remove(Entity.objects.filter(pk=obj.pk), user=person(request))

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Say first whether it comes back."""
        obj = self.get_object(request, object_id)
        place = obj.source if obj and not obj.is_local and not obj.is_orphan else ""
        return super().delete_view(
            request, object_id, {**(extra_context or {}), "comes_back": place}
        )

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[str]]:
        """What goes: the entities alone; what hangs on them is theirs."""
        refs = [str(obj) for obj in objs[:SHOWN]]
        lacking = set() if self.has_delete_permission(request) else {"entity"}
        return refs, {"entities": len(refs)}, lacking, []

    def view_on_site(self, obj: Entity) -> str:
        """The entity's page."""
        return obj.get_absolute_url()

    @admin.action(description="Delete", permissions=["delete"])
    def delete_selected(self, request: HttpRequest, rows: QuerySet[Entity]) -> HttpResponse | None:
        """Ask, then delete the chosen entities."""
        return self._delete(request, rows, "delete_selected")

    @admin.action(description="Delete the orphans among them", permissions=["delete"])
    def delete_orphans(self, request: HttpRequest, rows: QuerySet[Entity]) -> HttpResponse | None:
        """Ask, then delete those of the chosen entities that no location has any more."""
        return self._delete(request, rows.filter(ORPHAN), "delete_orphans")

    def _delete(
        self, request: HttpRequest, rows: QuerySet[Entity], action: str
    ) -> HttpResponse | None:
        total = rows.count()
        if not total:
            self.message_user(request, "None of them is an orphan.", messages.WARNING)
            return None
        if request.POST.get("post"):
            self._log_deletions(request, rows)
            removed = removing.remove(
                Entity.objects.filter(pk__in=rows.values("pk")), user=person(request)
            )
            self.message_user(request, f"{removed:,} deleted.", messages.SUCCESS)
            return None
        ruled = rows.exclude(ORPHAN).exclude(source="").count()
        context = {
            **self.admin_site.each_context(request),
            "title": f"Delete {total:,} {'entity' if total == 1 else 'entities'}?",
            "opts": self.opts,
            "action": action,
            "refs": list(rows.order_by("ref").values_list("ref", flat=True)[:SHOWN]),
            "more": max(total - SHOWN, 0),
            "ruled": ruled,
            "checkbox": ACTION_CHECKBOX_NAME,
            "chosen": request.POST.getlist(ACTION_CHECKBOX_NAME),
            "across": request.POST.get("select_across", "0"),
        }
        return TemplateResponse(request, "admin/catalog/entity/delete_chosen.html", context)

    def _log_deletions(self, request: HttpRequest, rows: QuerySet[Entity]) -> None:
        """Django's own record, where it is short; the history of each entity has it anyway."""
        user = person(request)
        if user is not None and rows.count() <= SHOWN:
            LogEntry.objects.log_actions(user.pk, rows, DELETION)

    @admin.action(description="Make local (orphans only)", permissions=["change"])
    def adopt(self, request: HttpRequest, rows: QuerySet[Entity]) -> None:
        """Go on with orphans without a file."""
        keys = list(rows.filter(ORPHAN).values_list("pk", flat=True)[:SHOWN])
        if not keys:
            self.message_user(request, "None of them is an orphan.", messages.WARNING)
        self._adopt(request, list(Entity.objects.filter(pk__in=keys)))

    def _adopt(self, request: HttpRequest, entities: Sequence[Entity]) -> None:
        for entity in entities:
            try:
                local.adopt(entity, user=person(request))
            except InvalidDescriptor as exc:
                self.message_user(request, Masker.of(entity).text(str(exc)), messages.ERROR)
            else:
                self.message_user(request, f"Made local: {entity.ref}.", messages.SUCCESS)

    def has_refresh_permission(self, request: HttpRequest) -> bool:
        """Who may have locations read again."""
        return request.user.has_perm("catalog.refresh_location")

    @admin.action(description="Refresh their locations", permissions=["refresh"])
    def refresh_locations(self, request: HttpRequest, rows: QuerySet[Entity]) -> None:
        """Have the locations of the chosen entities read now, and say what came of it."""
        found = Location.objects.filter(pk__in=rows.order_by().values("location_id"))
        locations = list(found[: MAX_REFRESHED + 1])
        if not locations:
            self.message_user(request, "None of them has a location.", messages.WARNING)
            return
        if len(locations) > MAX_REFRESHED:
            text = f"They come from more than {MAX_REFRESHED} locations: choose fewer."
            self.message_user(request, text, messages.ERROR)
            return
        for level, said in outcomes(refresh_soon(locations, person(request))):
            self.message_user(request, said, level)

    @admin.action(description="Export as YAML, secrets masked", permissions=["view"])
    def export_yaml(self, request: HttpRequest, rows: QuerySet[Entity]) -> StreamingHttpResponse:
        """Give the descriptors in force as one file."""
        del request
        chosen = Entity.objects.filter(pk__in=rows.order_by().values("pk")).order_by("ref")
        whole = FORMATS["yaml"]
        response = StreamingHttpResponse(
            chain([_HEAD], whole.write(entities_in_order(chosen, has_tags=whole.has_tags))),
            content_type=whole.content_type,
        )
        name = f"catalog-{timezone.now():%Y-%m-%d}.yaml"
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        return response

    @admin.display(description="Descriptor")
    def descriptor_text(self, obj: Entity) -> SafeString:
        """The descriptor for people who may look and not edit, secrets masked."""
        return format_html("<pre>{}</pre>", descriptor_yaml(obj))

    @admin.display(description="Descriptor")
    def shown_descriptor(self, obj: Entity) -> SafeString:
        """The descriptor in force, secrets masked, and where each value comes from."""
        address = reverse("catalog:inspect", kwargs=obj.url_kwargs)
        return format_html(
            '<p><a href="{}">Inspect</a> says which value comes from where.</p><pre>{}</pre>',
            address,
            descriptor_yaml(obj),
        )

    @admin.display(description="Owner")
    def overlay_owner(self, obj: Entity) -> str:
        """The owner over the file, for people who may look and not edit."""
        row = Overlay.objects.filter(entity_id=obj.ref, field=Overlay.Field.OWNER).first()
        return Masker.of(obj).ref(row.value) if row else "as the file says"

    @admin.display(description="Owner", ordering="owner_ref")
    def owner(self, obj: Entity) -> str:
        """The owner's reference, whose name may be a secret that was written in its place."""
        return DEFAULT_MASKER.ref(obj.owner_ref)

    @admin.display(description="State")
    def state(self, obj: Entity) -> str:
        """What is the matter with it, in a word or two."""
        words = []
        if obj.is_orphan:
            words.append("orphan")
        if getattr(obj, "has_issues", False):
            words.append("has issues")
        if obj.is_local:
            words.append("local")
        return ", ".join(words) or "OK"

    @admin.display(description="Source", ordering="source")
    def place(self, obj: Entity) -> str:
        """File and line, or address."""
        if obj.is_local:
            return "made in the admin"
        return obj.source_place

    @admin.display(description="Source", ordering="source")
    def short_place(self, obj: Entity) -> SafeString:
        """The end of the file and line, which a row has room for."""
        place = self.place(obj)
        short = place if len(place) <= SHORT else f"…{place[-SHORT:]}"
        return format_html('<span title="{}">{}</span>', place, short)

    @admin.display(description="Location")
    def location_link(self, obj: Entity) -> SafeString | str:
        """The root it is found under, and when that was last read."""
        if obj.location is None:
            return "none: it was unregistered" if obj.source else "none"
        address = reverse("admin:catalog_location_change", args=[obj.location.pk])
        return format_html(
            '<a href="{}">{}</a>, last read {}', address, obj.location, last_read(obj.location)
        )

    @admin.display(description="Last written by")
    def run_link(self, obj: Entity) -> SafeString | str:
        """The run that last wrote it."""
        if obj.run is None:
            return "a person" if obj.is_local else "a run that is forgotten"
        address = reverse("admin:catalog_importrun_change", args=[obj.run.pk])
        return format_html('<a href="{}">{}</a>', address, obj.run)

    @admin.display(description="Current issues")
    def current_issues(self, obj: Entity) -> SafeString | str:
        """The issues that the last imports found in its documents."""
        found = entity_issues.of_ref(obj.entity_ref)
        if not found:
            return "none"
        return lines(
            format_html(
                '{} at <a href="{}">{}</a>:{}',
                issue.get_kind_display(),
                reverse("admin:catalog_importissue_change", args=[issue.pk]),
                issue.place,
                reasons(issue),
            )
            for issue in found
        )

    @admin.display(description="What you can do")
    def choices(self, obj: Entity) -> SafeString:
        """What becomes of an orphan: a button that works without JavaScript."""
        del obj
        return format_html(
            '<button class="button" type="submit" name="{}" value="1">{}</button>',
            "_adopt",
            "Make it local",
        )
