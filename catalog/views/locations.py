"""The pages of locations: the list, one location, registering and unregistering one."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.core.paginator import Paginator
from django.db.models import Case, Count, QuerySet, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from catalog import tasks, versions
from catalog.ingestion.importer import configured_sources
from catalog.ingestion.sources import root_of
from catalog.locations import refreshing
from catalog.locations.claims import unregister_effect
from catalog.locations.dead import dead_locations, with_entities
from catalog.locations.pending import EndedRefresh, pending_refreshes
from catalog.locations.preview import PreviewStoppedError, preview
from catalog.locations.registration import RegisterForm, registered_kinds
from catalog.models import Entity, ImportIssue, Location, SourceFile
from catalog.presenters import locations as presenters
from catalog.presenters.issue_rows import issue_rows
from catalog.views.issues import maskers_of
from catalog.views.lists import PAGE_SIZE, list_rows, page_number
from portal import workers
from portal.csrf import on_csrf_failure
from portal.numbers import whole_number
from portal.redirects import see_other

SHOWN_ISSUES = 20


def add_messages(
    request: HttpRequest, outcomes: Iterable[presenters.RefreshOutcome], *, lead: str = ""
) -> None:
    """Show the outcomes of a refresh on the next page, each after ``lead``."""
    for outcome in outcomes:
        messages.add_message(request, outcome.level, lead + outcome.text)


@login_required
@permission_required("catalog.view_location", raise_exception=True)
@require_safe
def locations(request: HttpRequest) -> HttpResponse:
    """List the locations with what they hold and how their reading goes.

    Twelve queries at most, and one for each import that has gone on for more than a minute.
    """
    text = request.GET.get("q", "").replace("\x00", "").strip()
    rows = Location.objects.select_related("created_by", "last_run")
    rows = rows.filter(target__icontains=text)
    page = Paginator(rows, PAGE_SIZE).get_page(page_number(request))
    return render(
        request,
        "catalog/locations.html",
        {"page": page, "rows": _location_rows(page.object_list), "text": text},
    )


@login_required
@permission_required("catalog.view_location", raise_exception=True)
@require_safe
def location(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one location: how its reading goes, what is wrong in it, what it holds."""
    rows = Location.objects.select_related("created_by", "last_run__started_by")
    found = get_object_or_404(rows, pk=pk)
    entities = Entity.objects.filter(location=found).for_list().order_by("sort_name", "pk")
    page = Paginator(entities, PAGE_SIZE).get_page(page_number(request))
    shown = list_rows(page.object_list)
    unread_first = Case(When(kind=ImportIssue.Kind.UNREADABLE, then=0), default=1)
    wrong = found.issues.select_related("location")
    issues = list(wrong.order_by(unread_first, "file", "document", "pk")[:SHOWN_ISSUES])
    row = _location_rows([found])[0]
    is_due = row.pending is not None and not row.pending.is_running
    last = EndedRefresh.of(found.last_run, found) if found.last_run else None
    return render(
        request,
        "catalog/location.html",
        {
            "row": row,
            "run": found.last_run,
            "worker_problem": workers.problem(timezone.now()) if is_due else "",
            "told": presenters.last_outcome(row, last),
            "issues": issue_rows(issues, maskers_of(issues)),
            "page": page,
            "rows": list(shown["rows"].values()),
            "failed_cards": shown["failed_cards"],
            "is_configured": _is_configured(found),
        },
    )


def _location_rows(found: Iterable[Location]) -> list[presenters.LocationRow]:
    shown = list(found)
    entities, orphans = versions.cached(
        "held", [one.pk for one in shown], versions.current(), lambda: _held(shown)
    )
    found_issues = ImportIssue.objects.filter(location__in=shown)
    issues = _by_location(found_issues)
    warnings = _by_location(found_issues.filter(kind=ImportIssue.Kind.WARNING)) if issues else {}
    unread = _by_location(found_issues.filter(kind=ImportIssue.Kind.UNREADABLE)) if issues else {}
    incomplete = [one for one in shown if one.is_incomplete]
    files = SourceFile.objects.filter(location__in=incomplete, read_at=None)
    read = _by_location(files) if incomplete else {}
    pending = pending_refreshes(shown, timezone.now())
    rows = []
    for one in shown:
        counts = presenters.LocationCounts(
            entities=entities.get(one.pk, 0),
            orphans=orphans.get(one.pk, 0),
            issues=issues.get(one.pk, 0),
            warnings=warnings.get(one.pk, 0),
            unread=unread.get(one.pk, 0),
            files=read.get(one.pk, 0),
        )
        next_read_at = refreshing.due_at(one)
        rows.append(presenters.location_row(one, counts, pending.get(one.pk), next_read_at))
    return rows


def _held(found: Collection[Location]) -> tuple[dict[int, int], dict[int, int]]:
    """How many entities each has, and how many orphans; as many rows are read as it has."""
    # Each within an index; one query for both would read every wide row.
    held = Entity.objects.filter(location__in=found)
    return _by_location(held), _by_location(held.filter(orphaned_at__isnull=False))


def _by_location(rows: "QuerySet[Any]") -> dict[int, int]:
    return dict(rows.order_by().values_list("location_id").annotate(n=Count("pk")))


def _is_configured(found: Location) -> bool:
    return found.origin == Location.Origin.STATIC and root_of(found.target) in map(
        root_of, configured_sources()
    )


def _register_again(request: HttpRequest, *, is_own_form: bool) -> HttpResponse | None:
    """Show what was typed into a form with an old CSRF token, ready to be sent; do nothing."""
    if not is_own_form or not request.user.has_perm("catalog.add_location"):
        return None
    form = RegisterForm(
        request.POST, may_choose_kinds=request.user.has_perm("catalog.change_location")
    )
    messages.warning(request, "The form was out of date: nothing was done. Please send it again.")
    return _register_page(request, form, status=403)


@on_csrf_failure(_register_again)
@login_required
@permission_required("catalog.add_location", raise_exception=True)
@require_http_methods(["GET", "HEAD", "POST"])
def register(request: HttpRequest) -> HttpResponse:
    """Take a target, show what it would do, and register it when the person says so.

    ``step=confirm`` writes; every other form is answered with what would be written.
    """
    may_choose = request.user.has_perm("catalog.change_location")
    if request.method != "POST":
        initial = {"target": request.GET.get("target", "")[:1000]}
        kinds = request.GET.getlist("kinds")
        form = RegisterForm(
            may_choose_kinds=may_choose, initial=initial | ({"kinds": kinds} if kinds else {})
        )
        return _register_page(request, form)
    form = RegisterForm(request.POST, may_choose_kinds=may_choose)
    if not form.is_valid():
        return _register_page(request, form, status=422)
    target, kinds = form.cleaned_data["target"], form.allowed_kinds
    if known := refreshing.find_location(target):
        return _register_page(request, form, known=known, status=409)
    if request.POST.get("step") != "confirm":
        return _review_page(request, form, target, kinds)
    try:
        made = refreshing.register(target, kinds, user=_person(request))
    except refreshing.AlreadyRegisteredError as exc:
        return _register_page(request, form, known=exc.location, status=409)
    answer = tasks.refresh_soon([made], _person(request))
    add_messages(request, presenters.outcomes_of(answer), lead="Registered. ")
    may_see = request.user.has_perm("catalog.view_location")
    return see_other(made.get_absolute_url() if may_see else reverse("catalog:index"))


def _register_page(
    request: HttpRequest, form: RegisterForm, *, known: Location | None = None, status: int = 200
) -> HttpResponse:
    context = {"form": form, "known": known, "default_kinds": registered_kinds()}
    return render(request, "catalog/register.html", context, status=status)


def _review_page(
    request: HttpRequest, form: RegisterForm, target: str, kinds: list[str]
) -> HttpResponse:
    context = {
        "form": form,
        "target": target,
        "is_rewritten": target != form["target"].value().strip(),
        "kinds": kinds,
    }
    try:
        report = preview(target, kinds)
    except PreviewStoppedError as exc:
        context |= {"stopped": str(exc), "can_register": True}
    else:
        context |= {
            "outcome": presenters.outcome_of(report),
            "lists": presenters.preview_lists(
                report, keeps_orphans=settings.CATALOG_ORPHANS != "delete"
            ),
            "can_register": presenters.can_register(report),
        }
    return render(request, "catalog/register_review.html", context)


@login_required
@permission_required("catalog.delete_location", raise_exception=True)
@require_http_methods(["GET", "HEAD", "POST"])
def unregister(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what goes with a location; take it out when the person says so."""
    found = get_object_or_404(Location.objects.select_related("created_by"), pk=pk)
    if request.method == "POST":
        try:
            done = refreshing.unregister(found, user=_person(request))
        except refreshing.StaticLocationError:
            return see_other(reverse("catalog:location-unregister", kwargs={"pk": pk}))
        _add_unregistered(request, [(found, done)])
        return see_other(reverse("catalog:locations"))
    is_configured = _is_configured(found)
    going = None if is_configured else unregister_effect(found)
    return render(
        request,
        "catalog/unregister.html",
        {
            "location": found,
            "is_configured": is_configured,
            "going": going,
            "goes": list_rows(going.goes)["rows"].values() if going else [],
            "stays": list_rows(going.stays)["rows"].values() if going else [],
            "keeps_orphans": settings.CATALOG_ORPHANS != "delete",
        },
    )


@login_required
@permission_required(["catalog.view_location", "catalog.delete_location"], raise_exception=True)
@require_http_methods(["GET", "HEAD", "POST"])
def dead(request: HttpRequest) -> HttpResponse:
    """List the dead locations with what goes with them; unregister those that a person ticked."""
    if request.method == "POST":
        named = map(whole_number, request.POST.getlist("pick")[:PAGE_SIZE])
        pks = [pk for pk in named if pk is not None]
        done = refreshing.unregister_dead(pks, user=_person(request))
        _add_unregistered(request, done)
        if not done:
            messages.warning(request, "Nothing was unregistered: no dead location was chosen.")
        return see_other(reverse("catalog:dead-locations"))
    page = Paginator(dead_locations().select_related("created_by"), PAGE_SIZE).get_page(
        page_number(request)
    )
    context = {
        "page": page,
        "rows": with_entities(list(page.object_list)),
        "keeps_orphans": settings.CATALOG_ORPHANS != "delete",
    }
    return render(request, "catalog/dead_locations.html", context)


def _add_unregistered(
    request: HttpRequest, done: Sequence[tuple[Location, refreshing.Unregistered]]
) -> None:
    """Have the worker import what may take entities over; show on the next page what came of it."""
    claimants = refreshing.claimants_among(effect for _location, effect in done)
    answer = tasks.refresh_soon(claimants, _person(request))
    for location, effect in done:
        text = presenters.unregistered_text(location, effect, effect.left())
        messages.success(request, text)
    if outcomes := [one for one in presenters.outcomes_of(answer) if one.tone != "good"]:
        add_messages(request, outcomes, lead=presenters.claimants_text(claimants))


def _person(request: HttpRequest) -> Any:
    return request.user
