"""The mapping page: lists, preview, application, and taking it back."""

import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.core import signing
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from catalog.kinds import Kind
from catalog.links import entity_url
from catalog.refs import EntityRef
from pagerduty_card.mapping_page.applying import Agreed, apply_plan, undo
from pagerduty_card.mapping_page.choosing import (
    MAX_LINES,
    Choice,
    Pick,
    RefusedChoice,
    read_choices,
    resolve_choices,
)
from pagerduty_card.mapping_page.current_mappings import USUAL_KINDS, CurrentMappings
from pagerduty_card.mapping_page.listing import USUAL, Filters, Listing, View
from pagerduty_card.mapping_page.mapped import mapped_rows
from pagerduty_card.mapping_page.patching import write_patch
from pagerduty_card.mapping_page.planning import Skipped, Way, make_plan
from pagerduty_card.mapping_page.suggesting import Sureness
from pagerduty_card.models import MappingChange
from portal.redirects import see_other

if TYPE_CHECKING:
    from django.contrib.auth.models import User

PERMISSION = "pagerduty_card.map_services"
_PAGE_SIZE, _BULK_SIZE = 25, 100
_SALT = "pagerduty_card.mapping"
_PREVIEWED_FOR_S = 24 * 3600
_SHOWN_SKIPPED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Tab:
    """One list in the line above them."""

    view: View
    count: int
    is_current: bool


@never_cache
@login_required
@permission_required(PERMISSION, raise_exception=True)
@require_safe
def mapping_page(request: HttpRequest) -> HttpResponse:
    """Show one of the lists, with what each row may be mapped to."""
    filters = Filters.from_query(request.GET)
    current = CurrentMappings.read()
    listing = Listing(current=current, filters=filters)
    found: Sequence[Any] = listing.services if filters.view is View.SERVICES else listing.entities
    page = Paginator(found, _BULK_SIZE if filters.sure else _PAGE_SIZE).get_page(
        request.GET.get("page", "1")
    )
    shown = list(page.object_list)
    context: dict[str, Any] = {
        "filters": filters,
        "page": page,
        "tabs": _tabs(current, filters),
        "teams": listing.teams,
        "accounts": sorted(current.accounts),
        "kinds": Kind.values,
        "sureness": [(one.name.lower(), one.value) for one in Sureness],
        "has_services": bool(current.services),
        "has_entities": any(one.kind in USUAL_KINDS for one in current.entities.values()),
        "has_mapped": bool(current.mapped),
    }
    if filters.view is View.SERVICES:
        context["rows"] = listing.service_rows(shown)
    elif filters.view is View.ENTITIES:
        context["rows"] = listing.entity_rows(shown)
    else:
        context["mapped"] = mapped_rows(shown, current)
        if filters.view is View.PROBLEMS:
            context["rows"] = listing.entity_rows(shown)
            by_key = {row.key: row for row in context["rows"]}
            context["mapped"] = [(row, by_key.get(row.key)) for row in context["mapped"]]
        else:
            context["mapped"] = [(row, None) for row in context["mapped"]]
    return render(request, "pagerduty_card/mapping.html", context)


def _tabs(current: CurrentMappings, filters: Filters) -> list[Tab]:
    """With what each list holds before it is narrowed, the usual kinds alone."""
    usual = Listing(current=current, filters=Filters(view=View.ENTITIES, kind=USUAL))
    counts = {
        View.ENTITIES: len(usual.entities),
        View.SERVICES: len(current.bare_services),
        View.MAPPED: len(current.mapped),
        View.PROBLEMS: len(current.with_problems),
    }
    return [Tab(view=view, count=counts[view], is_current=view is filters.view) for view in View]


@never_cache
@login_required
@permission_required(PERMISSION, raise_exception=True)
@require_POST
def preview(request: HttpRequest) -> HttpResponse:
    """Show what exactly would be written, and what would not; write nothing."""
    choices = read_choices(request.POST)
    way = _way_of(request)
    current = CurrentMappings.read()
    picks, refused = resolve_choices(choices[:MAX_LINES], current)
    return _preview_page(request, picks, refused, way, left_out=choices[MAX_LINES:])


def _preview_page(
    request: HttpRequest,
    picks: Sequence[Pick],
    refused: Sequence[RefusedChoice],
    way: Way,
    *,
    left_out: Sequence[Choice] = (),
) -> HttpResponse:
    plan = make_plan(picks[:MAX_LINES], way)
    token = signing.dumps(
        {
            "key": secrets.token_hex(16),
            "user": str(request.user.pk),
            "way": way.value,
            "lines": [[*asdict(line.pick).values(), line.seen] for line in plan.lines],
        },
        salt=_SALT,
        compress=True,
    )
    context = {
        "plan": plan,
        "way": way,
        "other_way": Way.OVERLAY if way is Way.LINK else Way.LINK,
        "refused": refused,
        "left_out": left_out,
        "over": picks[MAX_LINES:],
        "picks": picks[:MAX_LINES],
        "token": token,
        "back": _back(request),
        "max_lines": MAX_LINES,
    }
    status = 200 if plan.lines else 422
    return render(request, "pagerduty_card/mapping_preview.html", context, status=status)


@never_cache
@login_required
@permission_required(PERMISSION, raise_exception=True)
@require_POST
def apply(request: HttpRequest) -> HttpResponse:
    """Write what was previewed, once."""
    agreed = _agreed(request)
    if agreed is None:
        messages.error(
            request,
            "Nothing was written: the preview was not made for you, or is older than a day. "
            "Choose again.",
        )
        return see_other(reverse("pagerduty:mapping"))
    applied = apply_plan(agreed, cast("User", request.user))
    if applied.change is None:
        messages.warning(request, f"Nothing was written. {_told(applied.skipped)}".strip())
        return see_other(reverse("pagerduty:mapping"))
    if applied.is_again:
        messages.info(request, "This was applied already; nothing was written twice.")
    if applied.skipped:
        messages.warning(request, f"Not everything was written. {_told(applied.skipped)}")
    return see_other(reverse("pagerduty:mapping-change", args=[applied.change.pk]))


@login_required
@permission_required(PERMISSION, raise_exception=True)
@require_POST
def patch_of_preview(request: HttpRequest) -> HttpResponse:
    """What was previewed as a YAML patch; nothing is written."""
    agreed = _agreed(request)
    if agreed is None:
        raise Http404("No such preview")
    return _patch(list(agreed.seen), "mapping-patch.yaml")


@never_cache
@login_required
@permission_required(PERMISSION, raise_exception=True)
@require_safe
def changes(request: HttpRequest) -> HttpResponse:
    """List the past applications, newest first."""
    rows = MappingChange.objects.select_related("made_by", "undone_by")
    page = Paginator(rows, _PAGE_SIZE).get_page(request.GET.get("page", "1"))
    return render(request, "pagerduty_card/mapping_changes.html", {"page": page})


@never_cache
@login_required
@permission_required(PERMISSION, raise_exception=True)
@require_safe
def change(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one application: what it wrote, and what became of it."""
    rows = MappingChange.objects.select_related("made_by", "undone_by")
    found = get_object_or_404(rows, pk=pk)
    left = sum(bool(line.get("left")) for line in found.lines)
    context = {
        "change": found,
        "lines": [(one, entity_url(EntityRef.parse(one["entity_ref"]))) for one in found.lines],
        "left": left,
        "taken": len(found.lines) - left,
    }
    return render(request, "pagerduty_card/mapping_change.html", context)


@login_required
@permission_required(PERMISSION, raise_exception=True)
@require_POST
def undo_change(request: HttpRequest, pk: int) -> HttpResponse:
    """Take back what still stands as this application wrote it."""
    try:
        undo(pk, cast("User", request.user))
    except MappingChange.DoesNotExist:
        raise Http404("No such application") from None
    return see_other(reverse("pagerduty:mapping-change", args=[pk]))


@login_required
@permission_required(PERMISSION, raise_exception=True)
@require_safe
def patch_of_change(request: HttpRequest, pk: int) -> HttpResponse:
    """What an application wrote as a YAML patch."""
    del request
    found = get_object_or_404(MappingChange, pk=pk)
    picks = [
        Pick(
            entity_ref=line["entity_ref"],
            account=line["account"],
            service_pd_id=line["service_pd_id"],
        )
        for line in found.lines
    ]
    return _patch(picks, f"mapping-patch-{found.pk}.yaml")


def _patch(picks: Sequence[Pick], name: str) -> HttpResponse:
    return HttpResponse(
        "".join(write_patch(picks)),
        content_type="application/yaml; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _agreed(request: HttpRequest) -> Agreed | None:
    """What the person agreed to; None for what was not previewed to them."""
    try:
        token = signing.loads(request.POST.get("preview", ""), salt=_SALT, max_age=_PREVIEWED_FOR_S)
    except signing.BadSignature:
        return None
    if token["user"] != str(request.user.pk):
        return None
    seen, labels = {}, {}
    for number, (ref, account, pd_id, digest) in enumerate(token["lines"]):
        pick = Pick(entity_ref=ref, account=account, service_pd_id=pd_id)
        seen[pick] = digest
        labels[pick] = request.POST.get(f"label-{number}", "")
    return Agreed(key=token["key"], way=Way(token["way"]), seen=seen, labels=labels)


def _told(skipped: Sequence[Skipped]) -> str:
    """The first few that were left out, and why."""
    told = [
        f"{one.pick.entity_ref} to {one.pick.service_pd_id}: {one.why}"
        for one in skipped[:_SHOWN_SKIPPED]
    ]
    more = len(skipped) - _SHOWN_SKIPPED
    return " ".join([*told, f"And {more} more." if more > 0 else ""]).strip()


def _way_of(request: HttpRequest) -> Way:
    way = request.POST.get("way", "")
    return Way(way) if way in set(Way) else Way.LINK


def _back(request: HttpRequest) -> str:
    """The list that the choice was made in."""
    query = request.POST.get("back", "")
    return f"{reverse('pagerduty:mapping')}?{query}" if query else reverse("pagerduty:mapping")
