"""The pages of an entity's neighbours: dependencies, members, and everything a team owns."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.paginator import Page, Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from catalog import cards, groups
from catalog.graph import Neighbourhood, connected, neighbourhood, neighbours, nodes_of
from catalog.kinds import Kind
from catalog.links import link_to
from catalog.models import Entity, EntityQuerySet, Relation
from catalog.presenters import entity as entity_presenters
from catalog.presenters import relations as presenters
from catalog.views.lists import page_number
from catalog.views.lookup import entity_context, of_entity

PAGE_SIZE = 50
FIRST_ROWS = 10
MISSING_SHOWN = 50


@require_safe
@of_entity
def dependencies(request: HttpRequest, found: Entity) -> HttpResponse:
    """Draw what surrounds an entity and list it, or list all neighbours of one type."""
    if found.kind_choice in presenters.PEOPLE:
        raise Http404
    if asked := _asked_type(request):
        return _one_type(request, found, "dependencies", asked)
    around = neighbourhood(found)
    context = _context(request, found, "dependencies", dict(around.names))
    context["diagram"] = presenters.diagram_of(found, context["header"].title, around)
    context |= _tables(found, around)
    return render(request, "catalog/neighbours.html", context)


@require_safe
@of_entity
def members(request: HttpRequest, found: Entity) -> HttpResponse:
    """List who is in a group and in the groups nested below it, or the groups of a person."""
    if found.kind_choice not in presenters.PEOPLE:
        raise Http404
    if asked := _asked_type(request):
        return _one_type(request, found, "members", asked)
    if found.kind_choice == Kind.USER:
        return _one_type(request, found, "members", Relation.Type.MEMBER_OF)
    return _all_members(request, found)


@require_safe
@of_entity
def ownership(request: HttpRequest, found: Entity) -> HttpResponse:
    """List what a group owns with the groups below it, or a person with all of their groups."""
    if found.kind_choice not in presenters.PEOPLE:
        raise Http404
    is_direct = request.GET.get("of") == "direct"
    further, is_cut = ([], False) if is_direct else _also_theirs(found)
    owned = groups.owned_by([found.ref, *further])
    counts = groups.counts_by_kind(owned)
    kind = Kind.from_segment(request.GET.get("kind", ""))
    page = _page(request, owned, counts, kind)
    context = _context(request, found, "ownership", {})
    address = entity_presenters.page_url(found, "ownership")
    of = "direct" if is_direct else "all"
    context |= {
        "is_direct": is_direct,
        "of": of,
        "groups_total": len(further),
        "levels": groups.MAX_LEVELS if is_cut else 0,
        "total": sum(counts.values()),
        "counts": entity_presenters.kind_counts(counts, address, kind, of=of),
        "kind": kind,
        "page": page,
    } | _table(page, "owned", kind.plural if kind else "Everything owned")
    return render(request, "catalog/ownership.html", context)


def _also_theirs(found: Entity) -> groups.Nested:
    """The groups whose property is also this group's or person's."""
    if found.kind_choice == Kind.GROUP:
        refs, is_cut = groups.nested([found.ref])
        return groups.Nested(refs[1:], is_cut)
    own = neighbours(found, Relation.Type.MEMBER_OF).values_list("ref", flat=True)
    return groups.Nested(list(own), is_cut=False)


def _all_members(request: HttpRequest, found: Entity) -> HttpResponse:
    is_direct = request.GET.get("of") == "direct"
    refs, is_cut = ([found.ref], False) if is_direct else groups.nested([found.ref])
    people = connected(refs, Relation.Type.HAS_MEMBER)
    page = _page(request, people, groups.counts_by_kind(people), None)
    belongs = groups.groups_of([one.ref for one in page.object_list], refs)
    context = _context(request, found, "members", {})
    context |= {
        "is_direct": is_direct,
        "groups_total": len(refs) - 1,
        "levels": groups.MAX_LEVELS if is_cut else 0,
        "page": page,
        "orphans": _orphans(people),
    } | _table(page, "hasMember", "Members", belongs if len(refs) > 1 else {})
    around = neighbourhood(found).of(Relation.Type.HAS_MEMBER)
    context["missing"] = [link_to(node) for node in around.nodes if not node.exists]
    return render(request, "catalog/members.html", context)


def _one_type(
    request: HttpRequest, found: Entity, tab: str, relation: Relation.Type
) -> HttpResponse:
    """List all neighbours of one type, of one kind if the address says so."""
    around = neighbourhood(found)
    context = _context(request, found, tab, dict(around.names))
    existing = neighbours(found, relation)
    counts = groups.counts_by_kind(existing)
    kind = Kind.from_segment(request.GET.get("kind", ""))
    page = _page(request, existing, counts, kind)
    edges = around.of(relation)
    missing = [link_to(node) for node in edges.nodes if not node.exists]
    address = presenters.relations_url(found, relation).partition("?")[0]
    context |= {
        "lists": presenters.relation_lists(found, around),
        "shown": relation,
        "counts": (
            entity_presenters.kind_counts(counts, address, kind, type=relation.value)
            if len(counts) > 1
            else []
        ),
        "kind": kind,
        "page": page,
        "orphans": _orphans(existing.filter(kind=kind) if kind else existing),
        "missing": missing[:MISSING_SHOWN],
        "missing_total": max(edges.total - sum(counts.values()), 0),
    } | _table(page, "neighbours", presenters.heading_of(relation))
    return render(request, "catalog/neighbours.html", context)


def _asked_type(request: HttpRequest) -> Relation.Type | None:
    asked = request.GET.get("type", "")
    return Relation.Type(asked) if asked in Relation.Type.values else None


def _tables(found: Entity, around: Neighbourhood) -> dict[str, Any]:
    """The first rows of each type of relation. Two queries, and the cards'."""
    edges = presenters.in_order(found.kind_choice, around.edges)
    first = {one.type: [node for node in one.nodes if node.exists][:FIRST_ROWS] for one in edges}
    wanted = {str(node.ref) for nodes in first.values() for node in nodes}
    entities = {one.ref: one for one in Entity.objects.filter(ref__in=wanted).without_documents()}
    badges, failed = cards.badges_of(list(entities.values())) if entities else ({}, [])
    nodes = nodes_of({one.owner_ref for one in entities.values()} - {""})
    tables = []
    for one in edges:
        rows = [entities[ref] for node in first[one.type] if (ref := str(node.ref)) in entities]
        missing = [link_to(node) for node in one.nodes if not node.exists]
        tables.append(
            presenters.Table(
                id=one.type.value,
                heading=presenters.heading_of(one.type),
                rows=presenters.table_rows(rows, nodes, badges),
                missing=missing[: max(FIRST_ROWS - len(rows), 0)],
                total=one.total,
                url=presenters.relations_url(found, one.type),
            )
        )
    return {"tables": tables, "failed_cards": failed}


def _page(
    request: HttpRequest, entities: EntityQuerySet, counts: Mapping[Kind, int], kind: Kind | None
) -> Page[Entity]:
    """The page asked for of all, or of those of one kind; they are counted by kind already."""
    rows = entities.filter(kind=kind) if kind else entities
    pages = Paginator(rows.without_documents(), PAGE_SIZE)
    pages.count = counts.get(kind, 0) if kind else sum(counts.values())
    return pages.get_page(page_number(request))


def _orphans(entities: EntityQuerySet) -> int:
    """How many of them are in no file any more. One query."""
    return entities.filter(orphaned_at__isnull=False).order_by().count()


def _table(
    page: Page[Entity],
    id_: str,
    heading: str,
    belongs: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, Any]:
    """One page of entities as a table."""
    found = list(page.object_list)
    badges, failed = cards.badges_of(found) if found else ({}, [])
    refs = {one.owner_ref for one in found} | {
        ref for some in (belongs or {}).values() for ref in some
    }
    nodes = nodes_of(refs - {""})
    table = presenters.Table(
        id=id_,
        heading=heading,
        rows=presenters.table_rows(found, nodes, badges, belongs),
        total=page.paginator.count,
    )
    return {"table": table, "failed_cards": failed}


def _context(
    request: HttpRequest, found: Entity, tab: str, names: dict[str, Any]
) -> dict[str, Any]:
    names |= nodes_of({found.owner_ref, found.system_ref} - names.keys() - {""})
    return entity_context(request, found, names, tab, cards.for_entity(found))
