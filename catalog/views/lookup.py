"""Find the entity that an address names, and what all of its pages print."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, wraps
from typing import Any, Concatenate, ParamSpec

from django.contrib.auth.models import AbstractUser
from django.db.models import Exists, OuterRef, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse

from catalog import cards, versions
from catalog.editing import history
from catalog.graph import Node
from catalog.kinds import Kind
from catalog.links import link_to_entity
from catalog.locations import entity_issues
from catalog.masking import Masker
from catalog.models import Entity, EntityQuerySet, ImportIssue, SourceFile, Star
from catalog.presenters.entity import header
from catalog.presenters.history import entries_of_gone
from catalog.presenters.notices import notices
from catalog.refs import EntityRef
from catalog.search.suggestions import similar_entities

MAY_SEE_ISSUES = "catalog.view_importissue"
P = ParamSpec("P")
EntityView = Callable[Concatenate[HttpRequest, Entity, P], HttpResponse]


def of_entity(view: EntityView[P]) -> Callable[..., HttpResponse]:
    """Give the view the entity that the address names.

    An address in another letter case is redirected to its own, keeping the query; for an entity
    that is not there the answer is the page that says so and suggests others.
    """

    @wraps(view)
    def find_and_view(
        request: HttpRequest, namespace: str, kind: str, name: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        found = _find(request, namespace, kind, name)
        return view(request, found, *args, **kwargs) if isinstance(found, Entity) else found

    return find_and_view


def entity_context(
    request: HttpRequest,
    found: Entity,
    names: Mapping[str, Node],
    tab: str,
    own_cards: Sequence[cards.Card],
) -> dict[str, Any]:
    """What every page of an entity prints.

    Args:
        request: The reader's.
        found: The whole row.
        names: Nodes of the owner and the system at least.
        tab: The URL name of the page, without ``catalog:``.
        own_cards: Of ``cards.for_entity``.
    """
    return rights_of(request, found) | {
        "entity": found,
        "header": header(found, names, tab),
        "actions": cards.actions(request, found, own_cards),
        "is_starred": getattr(found, "is_starred", False),
    }


def rights_of(request: HttpRequest, found: Entity) -> dict[str, Any]:
    """What the reader may do with an entity and see of it, as its pages print it."""
    user = request.user
    can_edit = isinstance(user, AbstractUser) and user.is_staff
    return {
        "can_edit": can_edit and user.has_perm("catalog.change_entity"),
        "refresh_url": _refresh_url(found) if user.has_perm("catalog.refresh_location") else "",
        "issues_url": _url_or_nothing("issues") if user.has_perm(MAY_SEE_ISSUES) else "",
        "can_see_runs": can_edit and user.has_perm("catalog.view_importrun"),
        "location_url": _location_url(found) if user.has_perm("catalog.view_location") else "",
    }


def _refresh_url(found: Entity) -> str:
    """Where a form asks for its location to be read again; empty for what no location has."""
    if found.location_id is None:
        return ""
    return _url_or_nothing("refresh", **found.url_kwargs)


def _location_url(found: Entity) -> str:
    return _url_or_nothing("location", pk=found.location_id) if found.location_id else ""


def _url_or_nothing(name: str, /, **kwargs: str | int) -> str:
    try:
        return reverse(f"catalog:{name}", kwargs=kwargs)
    except NoReverseMatch:
        return ""


def issues_of(found: Entity) -> list[ImportIssue]:
    """The issues of an entity that the address named: its own, then those of its whole file.

    No query for an entity without any.
    """
    found_issues = entity_issues.of_entity(found)
    if getattr(found, "has_file_issues", False):
        of_file = ImportIssue.objects.filter(file=found.source, ref="").order_by("document")
        found_issues += list(of_file[: entity_issues.MAX_SHOWN])
    return found_issues


def _find(request: HttpRequest, namespace: str, kind: str, name: str) -> Entity | HttpResponse:
    """The entity; else the redirect to its lower-case address, or the page that suggests others."""
    ref = EntityRef.of(kind, namespace, name)
    if (ref.namespace, ref.kind, ref.name) != (namespace, kind, name):
        match = request.resolver_match
        kwargs = {"namespace": ref.namespace, "kind": ref.kind, "name": ref.name}
        address = reverse(match.view_name if match else "catalog:entity", kwargs=kwargs)
        query = request.META.get("QUERY_STRING", "")
        return redirect(f"{address}?{query}" if query else address, permanent=True)
    rows = _rows().by_ref(ref)
    if request.user.is_authenticated:
        own = Star.objects.filter(user=request.user, entity=OuterRef("ref"))
        rows = rows.annotate(is_starred=Exists(own))
    # PostgreSQL refuses NUL in a text.
    found = None if "\x00" in name else rows.first()
    return found or _not_found(request, ref)


@cache
def _rows() -> EntityQuerySet:
    """Every entity with what its pages say of it; built once, for that takes longer than to ask."""
    of_file = ImportIssue.objects.filter(file=OuterRef("source"), ref="").exclude(file="")
    files = SourceFile.objects.filter(address=OuterRef("source"))
    return entity_issues.with_has_issues(
        Entity.objects.select_related("location__last_run")
    ).annotate(
        has_file_issues=Exists(of_file),
        has_file=Exists(files),
        unread_since=Subquery(files.values("read_at")),
        catalog_version=versions.subquery(),
    )


def may_see_runs(request: HttpRequest) -> bool:
    """Whether the reader may follow a run into the admin."""
    user = request.user
    return bool(getattr(user, "is_staff", False)) and user.has_perm("catalog.view_importrun")


def _not_found(request: HttpRequest, ref: EntityRef) -> HttpResponse:
    """Say what is not there, why if an import refused it, and what may have been meant."""
    kind = Kind.from_segment(ref.kind)
    is_readable = "\x00" not in ref.name
    found_issues = entity_issues.of_ref(ref) if kind and is_readable else []
    was_there, kept = history.of_gone(str(ref)) if kind and is_readable else ([], 0)
    entries = entries_of_gone(was_there, may_see_runs=may_see_runs(request))
    return render(
        request,
        "catalog/not_found.html",
        {
            "ref": ref,
            "kind": kind,
            "kinds": list(Kind),
            "notices": notices(found_issues, Masker({}), is_in_catalog=False),
            "entries": entries,
            "kept": kept,
            "near": [link_to_entity(near) for near in similar_entities(ref)],
        },
        status=404,
    )
