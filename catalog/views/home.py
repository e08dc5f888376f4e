"""The first page."""

from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from catalog import cards, scopes, stars, versions
from catalog.graph import Node
from catalog.kinds import Kind
from catalog.links import link_to
from catalog.models import Entity
from catalog.ownership import Ownership, ownership_of
from catalog.refs import EntityRef
from catalog.search.filters import IndexFilters
from catalog.search.text_search import SORTS
from catalog.views.lists import list_rows

HOME_ROWS = 8


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Show what the catalog has, the reader's own and starred entities, and what changed last."""
    version = versions.current()
    counts = versions.cached("kinds", (), version, _kind_counts)
    ownership = ownership_of(request.user, version=version)
    rows = Entity.objects.for_list()
    own = (
        list(ownership.entities.for_list().order_by(*SORTS["name"])[: HOME_ROWS + 1])
        if ownership
        else []
    )
    refs = stars.refs_of(request.user)
    starred = list(rows.filter(ref__in=refs).order_by(*SORTS["name"])[: HOME_ROWS + 1])
    recent = list(rows.order_by(*SORTS["changed"])[:HOME_ROWS])
    parts = {"own": own, "starred": starred, "recent": recent}
    listed = {entity.pk: entity for part in parts.values() for entity in part[:HOME_ROWS]}
    shown = list_rows(listed.values(), request.user)
    return render(
        request,
        "catalog/home.html",
        {
            "kinds": [(kind, counts[kind]) for kind in Kind if counts.get(kind)],
            "total": sum(counts.values()),
            "cards": _cards(request, ownership, version) if ownership else [],
            "me": _link(ownership) if ownership else None,
            "own_url": _address("owned") if len(own) > HOME_ROWS else "",
            "starred_url": _address("starred") if len(starred) > HOME_ROWS else "",
            "failed_cards": shown["failed_cards"],
            **{
                name: [shown["rows"][entity.pk] for entity in part[:HOME_ROWS]]
                for name, part in parts.items()
            },
        },
    )


def _kind_counts() -> dict[str, int]:
    return dict(Entity.objects.order_by().values_list("kind").annotate(n=Count("*")))


def _cards(request: HttpRequest, ownership: Ownership, version: int) -> list[cards.ShownCard]:
    return cards.own_rollups(request, scopes.scope_of_reader(ownership, version=version))


def _link(ownership: Ownership) -> object:
    ref = EntityRef.parse(ownership.ref)
    return link_to(Node(ref=ref, name=ownership.name, title=ownership.title), default_kind=ref.kind)


def _address(user: str) -> str:
    return reverse("catalog:index") + IndexFilters(values={"user": (user,)}).query_string
