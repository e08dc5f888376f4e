"""What the catalog holds of an entity, where each value comes from, and what became of it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from catalog import cards, documents
from catalog.editing import history, overlays
from catalog.graph import nodes_of
from catalog.masking import Masker
from catalog.models import Entity
from catalog.presenters import history as history_presenters
from catalog.presenters import inspect as presenters
from catalog.presenters.notices import notices
from catalog.views.lists import page_number
from catalog.views.lookup import entity_context, issues_of, may_see_runs, of_entity


@require_safe
@of_entity
def inspect(request: HttpRequest, found: Entity) -> HttpResponse:
    """Show the descriptor in force, where its values come from, and where it was read."""
    names = nodes_of(ref for ref in (found.owner_ref, found.system_ref) if ref)
    context = entity_context(request, found, names, "inspect", cards.for_entity(found))
    return render(
        request,
        "catalog/inspect.html",
        context
        | {
            "yaml": documents.descriptor_yaml(found),
            "origins": overlays.origins(found),
            "provenance": presenters.provenance(found, may_see_runs=may_see_runs(request)),
            "notices": notices(issues_of(found), Masker.of(found)),
        },
    )


@require_safe
@of_entity
def history_page(request: HttpRequest, found: Entity) -> HttpResponse:
    """List what changed when, newest first, and by which run or person."""
    names = nodes_of(ref for ref in (found.owner_ref, found.system_ref) if ref)
    context = entity_context(request, found, names, "history", cards.for_entity(found))
    page, rows = history.page_of(found, page_number(request))
    entries = history_presenters.entries(found, rows, may_see_runs=may_see_runs(request))
    return render(
        request,
        "catalog/history.html",
        context | {"page": page, "entries": entries, "kept": history.KEPT_PER_ENTITY},
    )
