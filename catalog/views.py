"""The pages of the catalog: home, index, and the pages of one entity."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponsePermanentRedirect,
    HttpResponseRedirect,
)
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_safe

from catalog import cards, documents, presenters
from catalog.graph import Node, neighbourhood, neighbours, nodes_of
from catalog.kinds import Kind
from catalog.links import link_to_entity
from catalog.masking import Masker
from catalog.models import Entity, Relation
from catalog.ownership import ownership_of
from catalog.refs import EntityRef
from catalog.refusals import refusal_of, standing_refusal, with_was_refused
from catalog.search import FILTER_KEYS, Filters, near_names, near_refs

PAGE_SIZE = 25
NEIGHBOURS_PAGE_SIZE = 50
HOME_ROWS = 8
SUGGESTED_FOR = 20


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Show what the catalog has, what changed last, and what the reader owns."""
    counts = dict(Entity.objects.order_by().values_list("kind").annotate(n=Count("pk")))
    ownership = ownership_of(request.user)
    own = list(ownership.entities.for_list().order_by("name")[: HOME_ROWS + 1]) if ownership else []
    recent = list(Entity.objects.for_list().order_by("-changed_at", "name")[:HOME_ROWS])
    shown = _rows({entity.pk: entity for entity in [*own[:HOME_ROWS], *recent]}.values())
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


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Show a page of the entities that pass the filters in the address."""
    filters = Filters.from_query(request.GET)
    page = Paginator(filters.find().for_list(), PAGE_SIZE).get_page(_page_number(request))
    shown = _rows(page.object_list)
    facets = [filters.facet(key) for key in FILTER_KEYS if key != "kind"]
    choices = [presenters.facet_choice(filters, facet) for facet in facets if facet.choices]
    has_badges = any(row.badges for row in shown["rows"].values())
    return render(
        request,
        "catalog/index.html",
        {
            "filters": filters,
            "page": page,
            "rows": list(shown["rows"].values()),
            "failed_cards": shown["failed_cards"],
            "has_badges": has_badges,
            "kinds": presenters.kind_choices(filters, filters.kind_counts()),
            "facets": choices,
            "columns": presenters.columns(filters, has_badges=has_badges),
            "orders": presenters.orders(filters),
            "nothing_text": presenters.nothing_found(filters),
            "without_text": filters.without("q").query_string,
            "chips": presenters.chips(filters),
        },
    )


def _page_number(request: HttpRequest) -> str:
    return request.GET.get("page", "1")


def _rows(entities: Any) -> dict[str, Any]:
    """The rows of a list by primary key, with what its cards say. Four queries, and the cards'."""
    found = list(entities)
    badges, failed = cards.badges_of(found) if found else ({}, [])
    nodes = nodes_of(entity.owner_ref for entity in found if entity.owner_ref)
    rows = presenters.rows(found, nodes, badges)
    return {"rows": {row.entity.pk: row for row in rows}, "failed_cards": failed}


@require_safe
def entity(request: HttpRequest, namespace: str, kind: str, name: str) -> HttpResponse:
    """Show an entity: its cards, what surrounds it, and what is wrong with its descriptor."""
    found = _find(request, namespace, kind, name)
    if not isinstance(found, Entity):
        return found
    around = neighbourhood(found)
    suggestions = near_refs([node.ref for node in around.dangling[:SUGGESTED_FOR]])
    refusal = refusal_of(found)
    own_cards = cards.for_entity(found)
    context = _entity_context(request, found, around.names, "entity", own_cards)
    context["overview"] = presenters.overview(found, around, suggestions, refusal)
    context["cards"] = cards.render(request, found, own_cards)
    return render(request, "catalog/entity.html", context)


@require_safe
def dependencies(request: HttpRequest, namespace: str, kind: str, name: str) -> HttpResponse:
    """List all neighbours of one type, for kinds that are not people."""
    return _neighbours_page(request, namespace, kind, name, "dependencies")


@require_safe
def members(request: HttpRequest, namespace: str, kind: str, name: str) -> HttpResponse:
    """List all neighbours of one type, for groups and people."""
    return _neighbours_page(request, namespace, kind, name, "members")


def _neighbours_page(
    request: HttpRequest, namespace: str, kind: str, name: str, tab: str
) -> HttpResponse:
    found = _find(request, namespace, kind, name)
    if not isinstance(found, Entity):
        return found
    if presenters.relations_page(found.kind_choice)[0] != tab:
        raise Http404
    around = neighbourhood(found)
    lists = presenters.relation_lists(found, around, {})
    asked = request.GET.get("type", "")
    shown = next((one for one in lists if one.type == asked), lists[0] if lists else None)
    context = _entity_context(request, found, around.names, tab, cards.for_entity(found))
    context["lists"] = [
        (one, presenters.relations_url(found, Relation.Type(one.type)), one is shown)
        for one in lists
    ]
    if shown:
        existing = neighbours(found, Relation.Type(shown.type)).for_list()
        page = Paginator(existing, NEIGHBOURS_PAGE_SIZE).get_page(_page_number(request))
        missing = [link for link in shown.links if not link.url]
        context |= _rows(page.object_list) | {
            "shown": shown,
            "page": page,
            "missing": missing,
            "missing_total": max(shown.total - page.paginator.count, 0),
        }
        context["rows"] = list(context["rows"].values())
    return render(request, "catalog/neighbours.html", context)


@require_safe
def api(request: HttpRequest, namespace: str, kind: str, name: str) -> HttpResponse:
    """Show an API's definition as text."""
    found = _find(request, namespace, kind, name)
    if not isinstance(found, Entity):
        return found
    if found.kind_choice != Kind.API or not documents.whole_definition(found):
        raise Http404
    names = nodes_of(ref for ref in (found.owner_ref, found.system_ref) if ref)
    context = _entity_context(request, found, names, "api", cards.for_entity(found))
    return render(
        request, "catalog/api.html", context | {"definition": documents.definition(found)}
    )


@require_safe
def api_download(request: HttpRequest, namespace: str, kind: str, name: str) -> HttpResponse:
    """Give an API's whole definition as a file."""
    found = _find(request, namespace, kind, name)
    if not isinstance(found, Entity):
        return found
    text = documents.whole_definition(found)
    if found.kind_choice != Kind.API or not text:
        raise Http404
    filename = documents.definition(found).filename
    response = HttpResponse(text, content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{filename}"'
    patch_cache_control(response, private=True)
    return response


@require_safe
def inspect(request: HttpRequest, namespace: str, kind: str, name: str) -> HttpResponse:
    """Show the whole descriptor, secrets masked."""
    found = _find(request, namespace, kind, name)
    if not isinstance(found, Entity):
        return found
    names = nodes_of(ref for ref in (found.owner_ref, found.system_ref) if ref)
    context = _entity_context(request, found, names, "inspect", cards.for_entity(found))
    return render(
        request, "catalog/inspect.html", context | {"yaml": documents.descriptor_yaml(found)}
    )


def _entity_context(
    request: HttpRequest,
    found: Entity,
    names: Mapping[str, Node],
    tab: str,
    own_cards: Sequence[cards.Card],
) -> dict[str, Any]:
    """What every page of an entity prints."""
    user = request.user
    can_edit = isinstance(user, AbstractUser) and user.is_staff
    return {
        "entity": found,
        "header": presenters.header(found, names, tab),
        "actions": cards.actions(request, found, own_cards),
        "can_edit": can_edit and user.has_perm("catalog.change_entity"),
    }


Moved = HttpResponseRedirect | HttpResponsePermanentRedirect


def _find(
    request: HttpRequest, namespace: str, kind: str, name: str
) -> Entity | HttpResponse | Moved:
    """The entity; else the redirect to its lower-case address, or the page that suggests others."""
    ref = EntityRef.of(kind, namespace, name)
    if (ref.namespace, ref.kind, ref.name) != (namespace, kind, name):
        match = request.resolver_match
        kwargs = {"namespace": ref.namespace, "kind": ref.kind, "name": ref.name}
        address = reverse(match.view_name if match else "catalog:entity", kwargs=kwargs)
        query = request.META.get("QUERY_STRING", "")
        return redirect(f"{address}?{query}" if query else address, permanent=True)
    rows = with_was_refused(Entity.objects.by_ref(ref).select_related("location"))
    # PostgreSQL refuses NUL in a text.
    found = None if "\x00" in name else rows.first()
    return found or _not_found(request, ref)


def _not_found(request: HttpRequest, ref: EntityRef) -> HttpResponse:
    """Say what is not there, why if an import refused it, and what may have been meant."""
    kind = Kind.from_segment(ref.kind)
    is_readable = "\x00" not in ref.name
    refusal = standing_refusal(ref) if kind and is_readable else None
    return render(
        request,
        "catalog/not_found.html",
        {
            "ref": ref,
            "kind": kind,
            "kinds": list(Kind),
            "refusal": presenters.refusal_of(refusal, Masker({})) if refusal else None,
            "near": [link_to_entity(near) for near in near_names(ref)],
        },
        status=404,
    )
