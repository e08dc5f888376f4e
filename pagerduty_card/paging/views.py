"""The form that pages somebody.

It needs the mapping, the right and the key alone: whatever fails in the card, it pages.
"""

from collections.abc import Sequence

from django.contrib import messages
from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from django_htmx.http import trigger_client_event

from catalog.models import Entity
from pagerduty_card import rights
from pagerduty_card.domain import Severity
from pagerduty_card.errors import Rejected
from pagerduty_card.labels import choices_of, value_of
from pagerduty_card.lookup import entity_of, is_htmx, see_other
from pagerduty_card.mapping.resolving import Mapped, each_once, resolve, targets_of
from pagerduty_card.models import TriggeredIncident
from pagerduty_card.paging import beside, pending_pages, triggering
from pagerduty_card.paging.forms import TriggerForm
from pagerduty_card.paging.outcomes import (
    Caution,
    present_outcome,
    present_rejection,
    present_throttle,
)


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
    mapped = each_once(resolve(targets_of(entity)))
    services = {value_of(one): one for one in mapped if one.can_page}
    form, outcome = _form(request, entity, mapped), None
    status = 409 if request.method == "POST" else 200
    if form and (refusal := rights.refusal_of(request.user, entity)):
        outcome = Caution(tone="warning", title="You may not page from here", text=refusal)
        form = form if form.is_bound else None  # what was typed is not lost
        status = 403
    elif form and form.is_bound:
        attempt = None
        if form.is_valid():
            chosen = services[form.cleaned_data["service"]]
            attempt = _send(request, entity, chosen, form)
            outcome = _outcome(request, attempt, chosen, form) if attempt else None
        if attempt and outcome is None:
            return _sent(request, entity, attempt)
        status = 422
    return _show(request, entity, mapped, form=form, outcome=outcome, status=status)


def _form(request: HttpRequest, entity: Entity, mapped: Sequence[Mapped]) -> TriggerForm | None:
    """The form for those of the services that can be paged; None where there are none."""
    choices = choices_of(mapped)
    if not choices:
        return None
    return TriggerForm(
        request.POST if request.method == "POST" else None,
        services=choices,
        entity=entity,
        user_pk=request.user.pk,
        new_dedup_key=triggering.new_dedup_key(entity),
    )


def _send(
    request: HttpRequest, entity: Entity, chosen: Mapped, form: TriggerForm
) -> TriggeredIncident | None:
    """Send what was typed; None where nobody was paged, which the form's errors explain."""
    assert isinstance(request.user, User)  # noqa: S101 - tells the type checker
    try:
        return triggering.trigger(
            entity=entity,
            service_target=chosen,
            description=form.cleaned_data["description"],
            severity=Severity(form.cleaned_data["severity"]),
            details=form.cleaned_data["details"],
            dedup_key=form.cleaned_data["dedup_key"],
            user=request.user,
        )
    except triggering.NotAllowed:
        raise PermissionDenied from None
    except triggering.PagedTooOften as exc:
        form.add_error(None, present_throttle(exc.retry_in_s, now=timezone.localtime()))
    except triggering.CannotPage as exc:
        form.add_error(None, f"Nobody has been paged. {exc}")
    except Rejected as exc:
        form.add_error(None, present_rejection(exc.errors, exc.detail))
        form.renew_key()
    return None


def _outcome(
    request: HttpRequest, attempt: TriggeredIncident, chosen: Mapped, form: TriggerForm
) -> Caution | None:
    """What the person has to know of an attempt; None where what they typed went through."""
    if not attempt.is_taken:
        pending_pages.remember(request, attempt)
    is_same_text = (attempt.description, attempt.account, attempt.service_pd_id) == (
        form.cleaned_data["description"],
        chosen.target.account,
        chosen.service_pd_id or attempt.service_pd_id,
    )
    outcome = present_outcome(attempt, is_same_text=is_same_text)
    if outcome and not attempt.may_resend:
        form.renew_key()
    return outcome


def _sent(request: HttpRequest, entity: Entity, attempt: TriggeredIncident) -> HttpResponse:
    if is_htmx(request):
        # The card behind the dialog asks for news once the dialog is closed.
        return trigger_client_event(HttpResponse(status=204), "dialog:close")
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
    mapped: Sequence[Mapped],
    *,
    form: TriggerForm | None,
    outcome: Caution | None,
    status: int,
) -> HttpResponse:
    services = beside.load_services(request, entity, mapped)
    context = {
        "form": form,
        "entity": entity,
        "services": services,
        "problem": None if services else beside.load_problem(request, entity, mapped),
        "outcome": outcome,
        "is_refused": status == 403,
        "trigger_url": request.path,
        "is_dialog": is_htmx(request),
        "sender": request.user,
    }
    template = "_trigger_form.html" if is_htmx(request) else "trigger.html"
    return render(request, f"pagerduty_card/{template}", context, status=status)
