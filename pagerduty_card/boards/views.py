"""The boards: all open incidents, everybody on call, and the number beside the navigation."""

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from pagerduty_card.boards import badge
from pagerduty_card.boards.choosing import PAGE_SIZE, Chosen
from pagerduty_card.boards.incidents import IncidentBoard, incident_board
from pagerduty_card.boards.on_call import OnCallBoard, on_call_board, read_policies
from pagerduty_card.estate import estate
from pagerduty_card.lookup import reader_of


@require_safe
def incidents(request: HttpRequest) -> HttpResponse:
    """Show all open incidents of the catalog that pass the filters in the address."""
    now = timezone.now()
    board = incident_board(request, estate(now), reader_of(request), now)
    return _board(request, "incidents", board, _page(request, board.chosen))


@require_safe
def on_call(request: HttpRequest) -> HttpResponse:
    """Show who is on call now and next, by owner."""
    now = timezone.now()
    reader = reader_of(request)
    board = on_call_board(request, estate(now), reader, now)
    page = _page(request, board.chosen)
    shown = read_policies(page.object_list, reader, now, timezone.get_current_timezone())
    return _board(request, "on_call", board, page, policies=shown)


@require_safe
def count(request: HttpRequest) -> HttpResponse:
    """Answer with the number of open incidents, for the navigation of a page that had none."""
    estate(timezone.now())
    counted = badge.open_incidents(request, is_last=True)
    return render(request, "components/nav_badges.html", {"badge": counted, "is_asked": True})


def _page(request: HttpRequest, chosen: Chosen[Any]) -> Any:
    return Paginator(chosen.rows, PAGE_SIZE).get_page(request.GET.get("page", "1"))


def _board(
    request: HttpRequest,
    name: str,
    board: IncidentBoard | OnCallBoard,
    page: object,
    **more: object,
) -> HttpResponse:
    """The whole page, or for a refresh the part that is alive."""
    shown = {"board": board, "chosen": board.chosen, "page": page, **more}
    if not getattr(request, "htmx", False):
        return render(request, f"pagerduty_card/{name}.html", shown)
    shown["badge"] = badge.open_incidents(request, is_last=True)
    return render(request, f"pagerduty_card/_board_{name}.html", shown)
