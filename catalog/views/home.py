"""The first page."""

from collections.abc import Sequence

from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from catalog.filters import Filters
from catalog.kinds import Kind
from catalog.links import link_to_entity
from catalog.models import Entity
from catalog.ownership import ownership_of
from catalog.views.lists import list_rows

HOME_ROWS = 8


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Show what the catalog has, what changed last, and what the reader owns."""
    counts = dict(Entity.objects.order_by().values_list("kind").annotate(n=Count("pk")))
    ownership = ownership_of(request.user)
    own = list(ownership.entities.for_list().order_by("name")[: HOME_ROWS + 1]) if ownership else []
    recent = list(Entity.objects.for_list().order_by("-changed_at", "name")[:HOME_ROWS])
    shown = list_rows({entity.pk: entity for entity in [*own[:HOME_ROWS], *recent]}.values())
    return render(
        request,
        "catalog/home.html",
        {
            "kinds": [(kind, counts[kind]) for kind in Kind if counts.get(kind)],
            "total": sum(counts.values()),
            "me": link_to_entity(ownership.person) if ownership else None,
            "own": [shown["rows"][entity.pk] for entity in own[:HOME_ROWS]],
            "own_url": _owned_url(ownership.owner_refs) if ownership else "",
            "owns_more": len(own) > HOME_ROWS,
            "recent": [shown["rows"][entity.pk] for entity in recent],
            "failed_cards": shown["failed_cards"],
        },
    )


def _owned_url(owner_refs: Sequence[str]) -> str:
    filters = Filters(values={"owner": tuple(owner_refs)})
    return reverse("catalog:index") + filters.query_string
