"""The admin of links, of the audit, and of the mirror for diagnosis.

``Integration`` is not registered, and no page prints its key.
"""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db import models, transaction
from django.db.models import OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, NullIf
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from catalog import versions
from pagerduty_card.accounts import DEFAULT_ACCOUNT
from pagerduty_card.mapping.remapping import remap
from pagerduty_card.mapping_page.forms import ServiceLinkForm
from pagerduty_card.models import (
    Delivery,
    EscalationPolicy,
    Feed,
    Service,
    ServiceLink,
    TriggeredIncident,
)
from pagerduty_card.presenters.outcomes import present_outcome
from portal.admin_site import ReadOnly


class _ReadOnly(ReadOnly, admin.ModelAdmin[Any]):
    """Rows that only the portal writes."""

    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}


@admin.register(ServiceLink)
class ServiceLinkAdmin(admin.ModelAdmin[ServiceLink]):
    """Links between entities and services that no annotation makes."""

    form = ServiceLinkForm
    autocomplete_fields = ("entity",)
    list_display = ("entity", "service_pd_id", "service", "account", "label", "created_at")
    list_editable = ("label",)
    list_filter = ("account", "label")
    list_select_related = ("entity",)
    search_fields = ("entity__ref", "entity__title", "service_pd_id", "service_name", "label")
    search_help_text = "Entity, service or label"

    def get_queryset(self, request: HttpRequest) -> QuerySet[ServiceLink]:
        """Each link with the name of its service."""
        named = Coalesce(NullIf(OuterRef("account"), Value("")), Value(DEFAULT_ACCOUNT))
        services = Service.objects.filter(pd_id=OuterRef("service_pd_id"), account=named)
        names = Subquery(services.order_by().values("name")[:1])
        return super().get_queryset(request).annotate(service_name=names)

    @admin.display(description="service", ordering="service_name")
    def service(self, row: ServiceLink) -> str:
        """The service's name, as far as it is mirrored."""
        return getattr(row, "service_name", None) or "not known"

    # With each of these, how many entities have the card is counted anew.
    @transaction.atomic
    def save_model(
        self,
        request: HttpRequest,
        obj: ServiceLink,
        form: ModelForm[ServiceLink],
        change: bool,  # noqa: FBT001 -- Django's signature
    ) -> None:
        """Store the link."""
        before = ServiceLink.objects.filter(pk=obj.pk).values_list("entity_id", flat=True)
        entities = {*before, obj.entity_id}
        super().save_model(request, obj, form, change)
        _links_written(entities)

    @transaction.atomic
    def delete_model(self, request: HttpRequest, obj: ServiceLink) -> None:
        """Delete the link."""
        super().delete_model(request, obj)
        _links_written([obj.entity_id])

    @transaction.atomic
    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ServiceLink]) -> None:
        """Delete the chosen links."""
        entities = list(queryset.values_list("entity_id", flat=True))
        super().delete_queryset(request, queryset)
        _links_written(entities)


def _links_written(entities: Iterable[int]) -> None:
    remap(entities)
    versions.bump()


@admin.register(TriggeredIncident)
class TriggeredIncidentAdmin(_ReadOnly):
    """The audit: who paged whom, when, and what became of it."""

    list_display = (
        "triggered_at",
        "triggered_by_name",
        "entity_ref",
        "service_name",
        "severity",
        "outcome",
        "incident",
        "description",
    )
    list_filter = ("state", "severity", "triggered_by")
    date_hierarchy = "triggered_at"
    search_fields = ("entity_ref", "service_name", "triggered_by_name", "description", "dedup_key")

    readonly_fields = ("outcome", "advice")

    @admin.display(description="outcome", ordering="state")
    def outcome(self, row: TriggeredIncident) -> str:
        """What became of it, as the card says it."""
        return present_outcome(row, timezone.localtime()).title

    @admin.display(description="what it means")
    def advice(self, row: TriggeredIncident) -> str:
        """What that means and what to do, as the card says it."""
        return present_outcome(row, timezone.localtime()).text

    @admin.display(description="incident")
    def incident(self, row: TriggeredIncident) -> SafeString | str:
        """The incident's number, leading to PagerDuty."""
        if not row.incident_number:
            return "-"
        if not row.incident_url.startswith(("https://", "http://")):
            return f"#{row.incident_number}"
        return format_html('<a href="{}">#{}</a>', row.incident_url, row.incident_number)


@admin.register(Service)
class ServiceAdmin(_ReadOnly):
    """Mirrored services, for diagnosis."""

    list_display = ("name", "pd_id", "account", "status", "policy", "maintenance_until")
    list_filter = ("account", "status")
    list_select_related = ("policy",)
    search_fields = ("name", "pd_id")


@admin.register(EscalationPolicy)
class EscalationPolicyAdmin(_ReadOnly):
    """Mirrored escalation policies, for diagnosis."""

    list_display = ("name", "pd_id", "account", "num_loops")
    list_filter = ("account",)
    search_fields = ("name", "pd_id")


@admin.register(Feed)
class FeedAdmin(_ReadOnly):
    """Freshness of every section, and why one is not fresh, for diagnosis."""

    list_display = ("account", "kind", "service_pd_id", "succeeded_at", "failed_at", "reason")
    list_filter = ("account", "kind", "reason")
    search_fields = ("service_pd_id", "detail", "request_id")


@admin.register(Delivery)
class DeliveryAdmin(_ReadOnly):
    """What webhooks delivered, and why one was left out, for diagnosis."""

    list_display = ("received_at", "account", "event_type", "pd_id", "state", "detail")
    list_filter = ("account", "state")
    search_fields = ("event_id", "event_type", "pd_id")
    exclude = ("body",)
