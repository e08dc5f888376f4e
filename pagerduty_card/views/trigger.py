"""The form that pages somebody."""

from django.contrib import messages
from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from django_htmx.http import reswap, retarget, trigger_client_event

from catalog.models import Entity
from pagerduty_card.card import Loaded, load, render_card
from pagerduty_card.domain import Severity
from pagerduty_card.errors import Rejected
from pagerduty_card.mapping.resolving import Mapped
from pagerduty_card.models import TriggeredIncident
from pagerduty_card.paging import rights, triggering, unsettled
from pagerduty_card.paging.forms import TriggerForm
from pagerduty_card.presenters.paging import (
    Caution,
    present_outcome,
    present_rejection,
    present_throttle,
)
from pagerduty_card.views.lookup import entity_of, is_htmx, see_other


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def trigger(request: HttpRequest, namespace: str, kind: str, name: str) -> HttpResponse:
    """Show the form that pages the on-call, and send it."""
    entity = entity_of(namespace, kind, name)
    if not request.user.is_authenticated:
        # In the dialog too: what is typed there stays, and the page says that one is signed out.
        return redirect_to_login(request.get_full_path())
    if not rights.may_page(request.user):
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
    if refusal := rights.refusal_of(request.user, entity):
        outcome = Caution(tone="warning", title="You may not page from here", text=refusal)
        kept = form if form.is_bound else None  # what was typed is not lost
        return _show(request, entity, loaded, form=kept, status=403, outcome=outcome)
    if not form.is_bound:
        return _show(request, entity, loaded, form=form, status=200)
    if not form.is_valid():
        return _show(request, entity, loaded, form=form, status=422)
    return _send(request, entity, loaded, form)


def _send(request: HttpRequest, entity: Entity, loaded: Loaded, form: TriggerForm) -> HttpResponse:
    assert isinstance(request.user, User)  # noqa: S101 - tells the type checker
    cleaned = form.cleaned_data
    chosen = loaded.pageable()[cleaned["service"]]
    try:
        attempt = triggering.trigger(
            entity=entity,
            service_target=chosen,
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
        outcome = present_outcome(attempt, is_same_text=_is_of(form, attempt, chosen))
        if not attempt.is_taken:
            unsettled.remember(request, attempt)
        if outcome is None:
            return _sent(request, entity, attempt)
        if not attempt.may_resend:
            form.renew_key()
        return _show(request, entity, loaded, form=form, status=422, outcome=outcome, is_tried=True)
    return _show(request, entity, loaded, form=form, status=422, is_tried=True)


def _is_of(form: TriggerForm, attempt: TriggeredIncident, chosen: Mapped) -> bool:
    """Whether the attempt says what the form says now, of the service that is chosen now."""
    return (attempt.description, attempt.account, attempt.service_pd_id) == (
        form.cleaned_data["description"],
        chosen.target.account,
        chosen.service_pd_id or attempt.service_pd_id,
    )


def _sent(request: HttpRequest, entity: Entity, attempt: TriggeredIncident) -> HttpResponse:
    if is_htmx(request):
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
    return see_other(entity.get_absolute_url())


def _show(
    request: HttpRequest,
    entity: Entity,
    loaded: Loaded,
    *,
    form: TriggerForm | None,
    status: int,
    outcome: Caution | None = None,
    is_tried: bool = False,
) -> HttpResponse:
    # The card behind the dialog tells of the attempt too, for whoever closes the dialog now.
    is_card_told = is_tried and is_htmx(request)
    context = {
        "card_html": render_card(request, entity, is_beside=True) if is_card_told else "",
        "form": form,
        "entity": entity,
        "paging": loaded.paging(),
        "problem": next((block.problem for block in loaded.blocks if block.problem), None),
        "outcome": outcome,
        "is_refused": status == 403,
        "trigger_url": request.path,
        "is_dialog": is_htmx(request),
        "sender": request.user,
        "page_url": request.build_absolute_uri(entity.get_absolute_url()),
    }
    template = "_trigger_form.html" if is_htmx(request) else "trigger.html"
    return render(request, f"pagerduty_card/{template}", context, status=status)
