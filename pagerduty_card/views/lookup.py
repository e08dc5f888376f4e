"""What the views below an entity's page share: which entity, and how the answer is taken."""

from django.http import Http404, HttpRequest, HttpResponseRedirect
from django.shortcuts import get_object_or_404

from catalog.models import Entity
from catalog.refs import EntityRef
from pagerduty_card.mapping import resolving


def entity_of(namespace: str, kind: str, name: str) -> Entity:
    """The entity of the address, if it has a card."""
    if "\x00" in name:  # PostgreSQL refuses it in a query
        raise Http404("No such entity")
    entity = get_object_or_404(Entity, ref=str(EntityRef.of(kind, namespace, name)))
    if not resolving.is_mapped(entity):
        raise Http404("No PagerDuty service is named")
    return entity


def is_htmx(request: HttpRequest) -> bool:
    """Whether a fragment is asked for."""
    return bool(getattr(request, "htmx", False))


def see_other(url: str) -> HttpResponseRedirect:
    """Send the browser on with a GET after a POST."""
    response = HttpResponseRedirect(url)
    response.status_code = 303
    return response
