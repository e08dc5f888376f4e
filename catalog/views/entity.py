"""The first page of an entity, and an API's definition."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils import timezone
from django.views.decorators.http import require_safe

from catalog import cards, documents, scopes
from catalog.graph import Parts, nodes_of, parts_of
from catalog.kinds import Kind
from catalog.locations.pending import pending_refreshes
from catalog.masking import Masker
from catalog.models import Entity, ImportIssue
from catalog.presenters import relations as relation_presenters
from catalog.presenters.notices import notices
from catalog.views.lookup import entity_context, issues_of, of_entity, rights_of
from catalog.views.shared import shared_part

MAX_NUMBERED_LINES = 10_000
_SUMMED_UP = (*relation_presenters.WHOLES, Kind.GROUP)


@require_safe
@of_entity
def entity(request: HttpRequest, found: Entity) -> HttpResponse:
    """Show an entity: its cards, what surrounds it, and what is wrong with its descriptor."""
    own_cards = cards.for_entity(found)
    kind = found.kind_choice
    parts = parts_of(found) if kind in relation_presenters.WHOLES else []
    rights = rights_of(request, found)
    issues = issues_of(found)
    shown = cards.render(request, found, own_cards)
    if kind in _SUMMED_UP:
        shown += cards.rollups(request, scopes.scope_of(found))
    holes = {
        "actions": "".join(cards.actions(request, found, own_cards)),
        "cards": _rendered("_cards", cards=shown),
        "notices": _notices(found, issues, rights) if issues else "",
        "pending": _pending(found),
        "parts": _rendered("_parts", parts=_tables(found, parts, own_cards)) if parts else "",
        "star": _star(request, found),
        "token": get_token(request),
    }
    part = shared_part(found, parts, rights, has_cards=bool(shown), has_issues=bool(issues))
    return render(request, "catalog/entity.html", part.filled(holes))


def _rendered(template: str, **context: Any) -> str:
    # Without the request: the context processors run for the page around it.
    return render_to_string(f"catalog/{template}.html", context)


def _star(request: HttpRequest, found: Entity) -> str:
    return _rendered(
        "_star",
        entity=found,
        is_starred=getattr(found, "is_starred", False),
        back=request.get_full_path(),
        user=request.user,
        csrf_token=get_token(request),
    )


def _notices(found: Entity, issues: Sequence[ImportIssue], rights: Mapping[str, Any]) -> str:
    shown = notices(issues, Masker.of(found))
    return _rendered("_notices", notices=shown, issues_url=rights["issues_url"])


def _pending(found: Entity) -> str:
    """The refresh of its location that has not ended."""
    known = pending_refreshes([found.location] if found.location else [], timezone.now())
    return "".join(f", {_rendered('_pending', pending=one)}" for one in known.values())


def _tables(
    found: Entity, parts: Sequence[Parts], own_cards: Sequence[cards.Card]
) -> list[relation_presenters.Table]:
    rows = [row for one in parts for row in one.entities]
    names = nodes_of({row.owner_ref for row in rows} - {""})
    # A whole with a card of its own has its state there; one without is as well as its parts.
    badges = cards.badges_of(rows)[0] if not own_cards else {}
    return relation_presenters.part_tables(found, parts, names, badges)


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
