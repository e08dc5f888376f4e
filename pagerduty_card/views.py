"""Pages below an entity's page: the card alone, its refresh, and the form that pages somebody."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect, reswap, retarget, trigger_client_event

from catalog.models import Entity
from catalog.refs import EntityRef
from pagerduty_card import mapping, triggering
from pagerduty_card.accounts import all_accounts
from pagerduty_card.card import Loaded, load, may_trigger, render_card
from pagerduty_card.doctor.accounts import examine_accounts, examine_portal
from pagerduty_card.doctor.entities import examine_entity
from pagerduty_card.doctor.findings import PERMISSION as RUN_DOCTOR
from pagerduty_card.doctor.findings import worst_of
from pagerduty_card.doctor.probing import Probe, probe_all
from pagerduty_card.domain import Severity
from pagerduty_card.errors import Rejected
from pagerduty_card.forms import TriggerForm
from pagerduty_card.models import TriggeredIncident
from pagerduty_card.presenters.paging import (
    Caution,
    present_outcome,
    present_rejection,
    present_throttle,
)
from pagerduty_card.syncing.pages import refresh_for_page


@never_cache
@require_safe
def card(request: HttpRequest, namespace: str, kind: str, name: str) -> HttpResponse:
    """Show the card alone: a page, or with htmx the fragment."""
    entity = _entity(namespace, kind, name)
    html = render_card(request, entity, is_alone=True)
    if _is_htmx(request):
        return HttpResponse(html)
    context = {"card_html": html, "entity": entity, "title": f"PagerDuty of {entity.display_name}"}
    return render(request, "pagerduty_card/card.html", context)


@never_cache
@require_POST
def refresh(request: HttpRequest, namespace: str, kind: str, name: str) -> HttpResponse:
    """Ask PagerDuty for what is old, then answer the card, or go back to it without htmx."""
    entity = _entity(namespace, kind, name)
    is_alone = "alone" in request.POST
    refresh_for_page(entity)
    if _is_htmx(request):
        return HttpResponse(render_card(request, entity, is_alone=is_alone, is_answer=True))
    if is_alone:
        return _see_other(reverse("pagerduty_card:card", kwargs=entity.url_kwargs))
    return _see_other(entity.get_absolute_url())


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def trigger(request: HttpRequest, namespace: str, kind: str, name: str) -> HttpResponse:
    """Show the form that pages the on-call, and send it."""
    entity = _entity(namespace, kind, name)
    if not request.user.is_authenticated:
        login = redirect_to_login(request.get_full_path())
        return HttpResponseClientRedirect(login.url) if _is_htmx(request) else login
    if not may_trigger(request):
        raise PermissionDenied
    loaded = load(request, entity)
    pageable = loaded.pageable()
    if not pageable:
        status = 409 if request.method == "POST" else 200
        return _show(request, entity, loaded, form=None, status=status)
    form = TriggerForm(
        request.POST if request.method == "POST" else None,
        services=[(view.value, view.choice) for view in loaded.paging()],
        entity=entity,
        user_pk=request.user.pk,
        new_dedup_key=triggering.new_dedup_key(entity),
    )
    if not form.is_bound:
        return _show(request, entity, loaded, form=form, status=200)
    if not form.is_valid():
        return _show(request, entity, loaded, form=form, status=422)
    return _send(request, entity, loaded, form)


@never_cache
@login_required
@permission_required(RUN_DOCTOR, raise_exception=True)
@require_http_methods(["GET", "HEAD", "POST"])
def doctor(request: HttpRequest) -> HttpResponse:
    """Show what is wrong between the portal and PagerDuty; a POST asks PagerDuty first."""
    accounts = [one for _, one in sorted(all_accounts().items())]
    if any(one.is_configured for one in accounts):
        accounts = [one for one in accounts if not one.is_unset]
    ref = request.GET.get("entity", "").strip()
    if request.method == "POST":
        probes = probe_all(one for one in accounts if one.is_configured)
        # In the reader's session: it shows also where the cache is what is wrong.
        request.session[_PROBES] = [one.to_json() for one in probes.values()]
        return _see_other(request.get_full_path())
    kept = [Probe.from_json(one) for one in request.session.get(_PROBES, [])]
    now = timezone.now()
    findings = [
        examine_portal(),
        *examine_accounts(accounts, {one.account: one for one in kept}, now),
    ]
    walked = examine_entity(ref, now) if ref else []
    context = {
        "findings": findings,
        "walked": walked,
        "ref": ref,
        "verdict": worst_of(one.verdict for one in findings),
        "wrong_count": sum(step.is_wrong for one in findings for step in one.steps),
    }
    return render(request, "pagerduty_card/doctor.html", context)


_PROBES = "pagerduty_probes"


def _send(request: HttpRequest, entity: Entity, loaded: Loaded, form: TriggerForm) -> HttpResponse:
    assert isinstance(request.user, User)  # noqa: S101 - tells the type checker
    cleaned = form.cleaned_data
    try:
        attempt = triggering.trigger(
            entity=entity,
            service_target=loaded.pageable()[cleaned["service"]],
            description=cleaned["description"],
            severity=Severity(cleaned["severity"]),
            details=cleaned["details"],
            dedup_key=cleaned["dedup_key"],
            user=request.user,
        )
    except triggering.NotAllowed:
        raise PermissionDenied from None
    except triggering.TooMany as exc:
        form.add_error(None, present_throttle(exc.retry_in_s, now=timezone.localtime()))
    except triggering.CannotPage as exc:
        form.add_error(None, f"Nobody has been paged. {exc}")
    except Rejected as exc:
        form.add_error(None, present_rejection(exc.errors, exc.detail))
        form.renew_key()
    else:
        is_same_text = attempt.description == cleaned["description"]
        outcome = present_outcome(attempt, is_same_text=is_same_text)
        if outcome is None:
            return _sent(request, entity, attempt)
        if not attempt.may_resend:
            form.renew_key()
        return _show(request, entity, loaded, form=form, status=422, outcome=outcome)
    return _show(request, entity, loaded, form=form, status=422)


def _sent(request: HttpRequest, entity: Entity, attempt: TriggeredIncident) -> HttpResponse:
    if _is_htmx(request):
        # The dialog stands over a page that has the card: put the new one in its place at once.
        response = HttpResponse(render_card(request, entity))
        retarget(response, "#pagerduty-card")
        reswap(response, "outerHTML")
        return trigger_client_event(response, "dialog:close")
    if attempt.state == TriggeredIncident.State.SENDING:
        # Another request with the same form is at it, and what comes of it is not known.
        messages.info(request, "This is being sent already. The card shows what comes of it.")
    else:
        messages.success(
            request, "Accepted by PagerDuty. The card shows the incident once it is there."
        )
    return _see_other(entity.get_absolute_url())


def _show(
    request: HttpRequest,
    entity: Entity,
    loaded: Loaded,
    *,
    form: TriggerForm | None,
    status: int,
    outcome: Caution | None = None,
) -> HttpResponse:
    context = {
        "form": form,
        "entity": entity,
        "paging": loaded.paging(),
        "outcome": outcome,
        "trigger_url": request.path,
        "is_dialog": _is_htmx(request),
        "sender": request.user,
        "page_url": request.build_absolute_uri(entity.get_absolute_url()),
    }
    template = "_trigger_form.html" if _is_htmx(request) else "trigger.html"
    return render(request, f"pagerduty_card/{template}", context, status=status)


def _entity(namespace: str, kind: str, name: str) -> Entity:
    """The entity of the address, if it has a card."""
    if "\x00" in name:  # PostgreSQL refuses it in a query
        raise Http404("No such entity")
    entity = get_object_or_404(Entity, ref=str(EntityRef.of(kind, namespace, name)))
    if not mapping.is_mapped(entity):
        raise Http404("No PagerDuty service is named")
    return entity


def _is_htmx(request: HttpRequest) -> bool:
    return bool(getattr(request, "htmx", False))


def _see_other(url: str) -> HttpResponseRedirect:
    response = HttpResponseRedirect(url)
    response.status_code = 303
    return response
