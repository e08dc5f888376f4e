"""Have the worker read again what somebody asks for: a person, a repository by its webhook."""

import hashlib
import hmac
import json
from typing import Any
from urllib.parse import parse_qs

from django.conf import settings
from django.contrib.auth.decorators import (
    login_not_required,
    login_required,
    permission_required,
)
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from catalog import tasks
from catalog.ingestion.repositories import web_addresses
from catalog.ingestion.sources import is_url
from catalog.locations import refreshing
from catalog.models import Entity, ImportRun, Location, SourceFile
from catalog.presenters.locations import RefreshOutcome, outcomes_of
from catalog.views.locations import add_messages
from catalog.views.lookup import of_entity
from portal.numbers import whole_number
from portal.redirects import see_other
from portal.throttle import Throttle

MAX_BODY_BYTES = 256 * 1024
REFUSALS = Throttle("catalog-refresh-refused", limit=10, period_s=60)
CALLS = Throttle("catalog-refresh", limit=60, period_s=60)


@login_required
@permission_required("catalog.refresh_location", raise_exception=True)
@require_POST
def location_refresh(request: HttpRequest, pk: int) -> HttpResponse:
    """Have a location read now, and answer with what that did, or that it has not ended."""
    found = get_object_or_404(Location, pk=pk)
    return _read(request, found, found.get_absolute_url())


@login_required
@permission_required("catalog.refresh_location", raise_exception=True)
@require_POST
@of_entity
def refresh(request: HttpRequest, found: Entity) -> HttpResponse:
    """Have the location read that an entity comes from, and answer as for the location."""
    address = found.get_absolute_url()
    if found.location is None:
        text = "No location is read for this entity, so there is nothing to refresh."
        return _answer(request, [RefreshOutcome(text=text, tone="warning")], address)
    return _read(request, found.location, address)


def _read(request: HttpRequest, location: Location, address: str) -> HttpResponse:
    user: Any = request.user
    return _answer(request, outcomes_of(tasks.refresh_soon([location], user)), address)


def _answer(request: HttpRequest, outcomes: list[RefreshOutcome], address: str) -> HttpResponse:
    if getattr(request, "htmx", False):
        return render(request, "catalog/_outcome.html", {"outcomes": outcomes, "address": address})
    add_messages(request, outcomes)
    return see_other(address)


@csrf_exempt
@login_not_required
@never_cache
@require_POST
def refresh_hook(request: HttpRequest) -> HttpResponse:
    """Have the worker read what a repository's webhook names; 202 with the list.

    The body may name a location (``target``) or a repository (GitHub's ``repository``, GitLab's
    ``project``); one that names neither means every location of the schedule.

    Source:
        https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
        https://docs.gitlab.com/user/project/integrations/webhooks/
    """
    token: str = settings.CATALOG_REFRESH_TOKEN
    if not token:
        raise Http404
    if request.headers.get("Transfer-Encoding"):
        return _refuse(411, "send the length of the body")
    length = whole_number(request.META.get("CONTENT_LENGTH") or "0")
    if length is None or length > MAX_BODY_BYTES:
        return _refuse(413, f"the body is larger than {MAX_BODY_BYTES:,} bytes")
    if not _shows(request, token):
        wait_s = REFUSALS.take(request.META.get("REMOTE_ADDR", ""))
        return _busy(wait_s) if wait_s else _refuse(403, "the token is missing or wrong")
    if wait_s := CALLS.take("all"):
        return _busy(wait_s)
    try:
        payload = _payload(request)
    except (ValueError, RecursionError):
        return _refuse(400, "the body is not a JSON object")
    found = _named(payload)
    tasks.ask_for_refresh([location.pk for location in found], ImportRun.Trigger.WEBHOOK)
    return JsonResponse({"locations": [location.target for location in found]}, status=202)


def _refuse(status: int, reason: str) -> HttpResponse:
    return JsonResponse({"error": reason}, status=status)


def _busy(wait_s: float) -> HttpResponse:
    response = _refuse(429, "too many requests")
    response["Retry-After"] = str(int(wait_s) + 1)
    return response


def _shows(request: HttpRequest, token: str) -> bool:
    """Whether the request proves, in one of the three ways, that it knows the token."""
    headers = request.headers
    scheme, _, bearer = headers.get("Authorization", "").partition(" ")
    signature = hmac.new(token.encode(), request.body, hashlib.sha256).hexdigest()
    shown = [
        (bearer.strip() if scheme.lower() == "bearer" else "", token),
        (headers.get("X-Gitlab-Token", ""), token),
        (headers.get("X-Hub-Signature-256", "").lower(), f"sha256={signature}"),
    ]
    return any(given and constant_time_compare(given, right) for given, right in shown)


def _payload(request: HttpRequest) -> dict[str, Any]:
    """The body as JSON; GitHub may be told to send it as the field ``payload`` of a form.

    Raises:
        ValueError: It is no JSON object.
    """
    text = request.body.decode()
    if request.content_type == "application/x-www-form-urlencoded":
        text = parse_qs(text).get("payload", [""])[0]
    payload = json.loads(text) if text.strip() else {}
    if not isinstance(payload, dict):
        raise ValueError("not an object")  # noqa: TRY004 -- the same to the caller as bad JSON
    return payload


def _named(payload: dict[str, Any]) -> list[Location]:
    target = payload.get("target")
    if isinstance(target, str) and target:
        return _at(target)
    addresses = _repository(payload)
    if addresses is None:
        return list(Location.objects.filter(origin__in=refreshing.SCHEDULED))
    holds, leads = Q(pk=None), Q(pk=None)
    for beginning in addresses:
        holds |= Q(target__istartswith=beginning)
        leads |= Q(address__istartswith=beginning)
    files = SourceFile.objects.filter(leads).values("location")
    return list(Location.objects.filter(Q(type=Location.Type.URL) & holds | Q(pk__in=files)))


def _at(target: str) -> list[Location]:
    try:
        is_readable = "\x00" not in target and (is_url(target) or target.startswith("/"))
        found = refreshing.find_location(target) if is_readable else None
    except ValueError:  # brackets that are no address
        return []
    return [found] if found else []


def _repository(payload: dict[str, Any]) -> list[str] | None:
    """What the addresses of the named repository begin with; None when none is named."""
    for key, name in (("repository", "html_url"), ("project", "web_url")):
        described = payload.get(key)
        if not isinstance(described, dict):
            continue
        if isinstance(page := described.get(name), str) and page:
            return web_addresses(page)
        if isinstance(full_name := described.get("full_name"), str) and full_name:
            return web_addresses(f"https://github.com/{full_name}")
    return None
