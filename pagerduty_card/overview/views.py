"""The boards: all open incidents, everybody on call, and the number beside the navigation."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from pagerduty_card.lookup import moment_of
from pagerduty_card.overview import badge
from pagerduty_card.overview.data_issues import present_issues
from pagerduty_card.overview.incidents import IncidentBoard, incident_board, load_lines
from pagerduty_card.overview.on_call import OnCallBoard, load_policies, on_call_board
from pagerduty_card.overview.snapshot import Snapshot, refresh


@require_safe
def incidents(request: HttpRequest) -> HttpResponse:
    """Show all open incidents of the catalog that pass the filters in the address."""
    moment = moment_of(request)
    board = incident_board(request, Snapshot(moment.now))
    issues = present_issues(board.issues, moment, sentence="The open incidents of {} are {}")
    lines = load_lines(board.filtered.rows)
    return _board(request, "incidents", board, issues=issues, lines=lines)


@require_safe
def on_call(request: HttpRequest) -> HttpResponse:
    """Show who is on call now and next, by owner."""
    moment = moment_of(request)
    board = on_call_board(request, Snapshot(moment.now))
    issues = present_issues(board.issues, moment, sentence="Who is on call for {} is {}")
    policies = load_policies(board.filtered.rows, moment)
    return _board(request, "on_call", board, issues=issues, policies=policies)


@require_safe
def count(request: HttpRequest) -> HttpResponse:
    """Answer with the number of open incidents, for the navigation of a page that had none."""
    refresh(timezone.now())
    counted = badge.open_incidents(request, is_last=True)
    return render(request, "components/nav_badges.html", {"badge": counted, "is_asked": True})


def _board(
    request: HttpRequest,
    name: str,
    board: IncidentBoard | OnCallBoard,
    **more: object,
) -> HttpResponse:
    """The whole page, or for a refresh the part that is alive."""
    shown = {"board": board, "chosen": board.filtered, "page": board.filtered.page, **more}
    if not getattr(request, "htmx", False):
        return render(request, f"pagerduty_card/{name}.html", shown)
    shown["badge"] = badge.open_incidents(request, is_last=True)
    return render(request, f"pagerduty_card/_board_{name}.html", shown)
