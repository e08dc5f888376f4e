"""The first page of an entity, and an API's definition."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from catalog import cards, documents, groups, scopes
from catalog.graph import Neighbourhood, neighbourhood, nodes_of, parts_of
from catalog.kinds import Kind
from catalog.masking import Masker
from catalog.models import Entity, Relation
from catalog.presenters import entity as presenters
from catalog.presenters import relations as relation_presenters
from catalog.presenters.notices import notices
from catalog.search.suggestions import suggested_refs
from catalog.views.lookup import entity_context, issues_of, of_entity

DRAWN_OF_EACH = 8
MAX_NUMBERED_LINES = 10_000
_SUMMED_UP = (*relation_presenters.WHOLES, Kind.GROUP)


@require_safe
@of_entity
def entity(request: HttpRequest, found: Entity) -> HttpResponse:
    """Show an entity: its cards, what surrounds it, and what is wrong with its descriptor."""
    around = neighbourhood(found)
    own_cards = cards.for_entity(found)
    kind = found.kind_choice
    parts = parts_of(found) if kind in relation_presenters.WHOLES else []
    rows = [row for one in parts for row in one.entities]
    names = dict(around.names)
    further = {found.owner_ref, found.system_ref, *(row.owner_ref for row in rows)}
    names |= nodes_of(further - names.keys() - {""})
    context = entity_context(request, found, names, "entity", own_cards)
    context |= _warnings(found, around)
    # A whole with a card of its own has its state there; one without is as well as its parts.
    badges = cards.badges_of(rows)[0] if rows and not own_cards else {}
    context["parts"] = relation_presenters.part_tables(found, parts, names, badges)
    without = []
    if parts:
        without.append(Relation.Type.HAS_PART)
    if kind in relation_presenters.PEOPLE:
        without.append(Relation.Type.OWNER_OF)
        counts = groups.counts_by_kind(groups.owned_by([found.ref]))
        page = presenters.page_url(found, "ownership")
        context["owned"] = presenters.kind_counts(counts, page, of="direct")
    context["relations"] = relation_presenters.relation_lists(found, around, without=without)
    context["diagram"] = relation_presenters.diagram_of(
        found, context["header"].title, around, limit_each=DRAWN_OF_EACH
    )
    context["about"] = presenters.about(found)
    context["cards"] = cards.render(request, found, own_cards)
    if kind in _SUMMED_UP:
        context["cards"] += cards.rollups(request, scopes.scope_of(found))
    return render(request, "catalog/entity.html", context)


def _warnings(found: Entity, around: Neighbourhood) -> dict[str, Any]:
    """What is wrong with the descriptor: issues, and unresolved references."""
    missing = around.unresolved
    shown = missing[: relation_presenters.UNRESOLVED_LIMIT]
    suggestions = suggested_refs([node.ref for node in shown])
    return {
        "notices": notices(issues_of(found), Masker.of(found)),
        "unresolved": relation_presenters.unresolved_references(found, shown, suggestions),
        "unresolved_more": len(missing) - len(shown),
    }


@require_safe
@of_entity
def api(request: HttpRequest, found: Entity) -> HttpResponse:
    """Show an API's definition as text, with the numbers of its lines or without."""
    if found.kind_choice != Kind.API or not documents.whole_definition(found):
        raise Http404
    names = nodes_of(ref for ref in (found.owner_ref, found.system_ref) if ref)
    context = entity_context(request, found, names, "api", cards.for_entity(found))
    definition = documents.definition(found)
    lines = definition.text.splitlines(keepends=True)
    is_plain = request.GET.get("lines") == "off" or len(lines) > MAX_NUMBERED_LINES
    context |= {"definition": definition, "lines": lines, "is_plain": is_plain}
    return render(request, "catalog/api.html", context)


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
    return response
