"""The pages of one entity."""

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_safe

from catalog import cards, documents, issues
from catalog.graph import neighbourhood, neighbours, nodes_of
from catalog.kinds import Kind
from catalog.models import Entity, Relation
from catalog.near import near_refs
from catalog.presenters import entity as presenters
from catalog.views.lists import list_rows, page_number
from catalog.views.lookup import entity_context, of_entity

NEIGHBOURS_PAGE_SIZE = 50
SUGGESTED_FOR = 20


@require_safe
@of_entity
def entity(request: HttpRequest, found: Entity) -> HttpResponse:
    """Show an entity: its cards, what surrounds it, and what is wrong with its descriptor."""
    around = neighbourhood(found)
    suggestions = near_refs([node.ref for node in around.dangling[:SUGGESTED_FOR]])
    own_cards = cards.for_entity(found)
    context = entity_context(request, found, around.names, "entity", own_cards)
    context["overview"] = presenters.overview(found, around, suggestions, issues.of_entity(found))
    context["cards"] = cards.render(request, found, own_cards)
    return render(request, "catalog/entity.html", context)


@require_safe
@of_entity
def dependencies(request: HttpRequest, found: Entity) -> HttpResponse:
    """List all neighbours of one type, for kinds that are not people."""
    return _neighbours_page(request, found, "dependencies")


@require_safe
@of_entity
def members(request: HttpRequest, found: Entity) -> HttpResponse:
    """List all neighbours of one type, for groups and people."""
    return _neighbours_page(request, found, "members")


def _neighbours_page(request: HttpRequest, found: Entity, tab: str) -> HttpResponse:
    if presenters.relations_page(found.kind_choice)[0] != tab:
        raise Http404
    around = neighbourhood(found)
    lists = presenters.relation_lists(found, around, {})
    asked = request.GET.get("type", "")
    shown = next((one for one in lists if one.type == asked), lists[0] if lists else None)
    context = entity_context(request, found, around.names, tab, cards.for_entity(found))
    context["lists"] = [
        (one, presenters.relations_url(found, Relation.Type(one.type)), one is shown)
        for one in lists
    ]
    if shown:
        existing = neighbours(found, Relation.Type(shown.type)).for_list()
        page = Paginator(existing, NEIGHBOURS_PAGE_SIZE).get_page(page_number(request))
        missing = [link for link in shown.links if not link.url]
        context |= list_rows(page.object_list) | {
            "shown": shown,
            "page": page,
            "missing": missing,
            "missing_total": max(shown.total - page.paginator.count, 0),
        }
        context["rows"] = list(context["rows"].values())
    return render(request, "catalog/neighbours.html", context)


@require_safe
@of_entity
def api(request: HttpRequest, found: Entity) -> HttpResponse:
    """Show an API's definition as text."""
    if found.kind_choice != Kind.API or not documents.whole_definition(found):
        raise Http404
    names = nodes_of(ref for ref in (found.owner_ref, found.system_ref) if ref)
    context = entity_context(request, found, names, "api", cards.for_entity(found))
    return render(
        request, "catalog/api.html", context | {"definition": documents.definition(found)}
    )


@require_safe
@of_entity
def api_download(request: HttpRequest, found: Entity) -> HttpResponse:
    """Give an API's whole definition as a file."""
    del request
    text = documents.whole_definition(found)
    if found.kind_choice != Kind.API or not text:
        raise Http404
    filename = documents.definition(found).filename
    response = HttpResponse(text, content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{filename}"'
    patch_cache_control(response, private=True)
    return response
