"""What views share: which entity, who reads and when, and how the answer is taken."""

from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone

from catalog.models import Entity
from catalog.refs import EntityRef
from pagerduty_card.mapping import resolving
from pagerduty_card.presenters.freshness import Moment, Reader


def entity_of(namespace: str, kind: str, name: str) -> Entity:
    """The entity of the address, if it has a card."""
    if "\x00" in name:  # PostgreSQL refuses it in a query
        raise Http404("No such entity")
    entity = get_object_or_404(Entity, ref=str(EntityRef.of(kind, namespace, name)))
    if not resolving.is_mapped(entity):
        raise Http404("No PagerDuty service is named")
    return entity


def reader_of(request: HttpRequest) -> Reader:
    """What of the reader changes the words."""
    return Reader(is_admin=bool(getattr(request.user, "is_staff", False)))


def moment_of(request: HttpRequest) -> Moment:
    """Who reads, in which zone, and when: now."""
    return Moment(
        now=timezone.now(), zone=timezone.get_current_timezone(), reader=reader_of(request)
    )


def is_htmx(request: HttpRequest) -> bool:
    """Whether a fragment is asked for."""
    return bool(getattr(request, "htmx", False))
