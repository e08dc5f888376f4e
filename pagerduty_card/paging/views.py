"""The form that pages somebody.

It needs the mapping, the right and the key alone: whatever fails in the card, it pages. What was
typed is shown again whatever happened meanwhile to the session, the right, the entity or the form.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from django_htmx.http import trigger_client_event

from catalog.models import Entity
from catalog.refs import EntityRef
from pagerduty_card import rights
from pagerduty_card.domain import Severity
from pagerduty_card.errors import Rejected
from pagerduty_card.labels import choices_of, value_of
from pagerduty_card.lookup import entity_of, is_htmx
from pagerduty_card.mapping.resolving import Mapped, services_of
from pagerduty_card.models import TriggeredIncident
from pagerduty_card.paging import beside, cautions, pending_pages, triggering, unsent
from pagerduty_card.paging.cautions import Caution
from pagerduty_card.paging.forms import TriggerForm
from pagerduty_card.presenters.outcomes import present_outcome
from portal.csrf import on_csrf_failure
from portal.redirects import see_other


@never_cache
def csrf_failure(
    request: HttpRequest, namespace: str, kind: str, name: str, *, is_own_form: bool
) -> HttpResponse:
    """Show what was typed into a form with an old CSRF token, ready to be sent; send nothing."""
    ref, typed = EntityRef.of(kind, namespace, name), request.POST
    if is_own_form and request.user.is_authenticated:
        return _answer(request, ref, typed, why_unsent=unsent.OUT_OF_DATE)
    why = unsent.SIGNED_OUT if is_own_form else unsent.NOT_OURS
    return _show_text(request, why, typed, status=403, may_sign_in=is_own_form)


@login_not_required  # it sends to the sign-in page by itself, and keeps what was typed
@on_csrf_failure(csrf_failure)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def trigger(request: HttpRequest, namespace: str, kind: str, name: str) -> HttpResponse:
    """Show the form that pages the on-call, and send it."""
    ref = EntityRef.of(kind, namespace, name)
    is_post = request.method == "POST"
    if request.user.is_authenticated:
        typed = request.POST if is_post else unsent.kept(request, ref)
        why_unsent = unsent.WAS_SIGNED_OUT if typed and not is_post else ""
        return _answer(request, ref, typed, why_unsent=why_unsent)
    if is_post and unsent.has_text(request.POST):
        note = unsent.keep(request, ref)
        if not note:
            return _show_text(request, unsent.NOT_KEPT, request.POST, status=403)
        messages.warning(request, note)
    # In the dialog too: what is typed there stays, and the page says that one is signed out.
    return redirect_to_login(request.get_full_path())


def _answer(
    request: HttpRequest, ref: EntityRef, typed: Mapping[str, Any] | None, *, why_unsent: str
) -> HttpResponse:
    """Show the form with what was typed, and send it unless something is in its way.

    Args:
        request: Of somebody who is signed in.
        ref: Whose form it is.
        typed: The form's fields; None for an empty form.
        why_unsent: Why this request must not send them; empty: it may.
    """
    try:
        entity = entity_of(ref.namespace, ref.kind, ref.name)
    except Http404:
        if typed is None or not unsent.has_text(typed) or "\x00" in ref.name:
            raise
        gone = Entity.objects.filter(ref=str(ref)).first()
        return _show_text(request, unsent.why_no_form(ref, gone), typed, status=404)
    return _show_form(request, entity, typed, why_unsent)


def _show_form(
    request: HttpRequest, entity: Entity, typed: Mapping[str, Any] | None, why_unsent: str
) -> HttpResponse:
    """The rest of ``_answer``, for an entity that names a service."""
    mapped = services_of(entity)
    form, outcome = _form(request, entity, mapped, typed), None
    refusal = rights.refusal_of(request.user, entity, mapped)
    earlier = unsent.earlier_attempt(typed)
    if refusal:
        outcome, status = cautions.present_refusal(refusal, typed, earlier), 403
        form = None if typed is None else form  # what was typed is not lost
    elif typed is None:
        status = 200
    elif form is None:
        outcome, status = cautions.present_unsent(unsent.why_no_key(entity), earlier), 409
    elif why_unsent or form.left_service:
        outcome = _why_unsent(entity, mapped, form, earlier, why_unsent)
        status = 200 if request.method != "POST" else 403 if why_unsent else 422
    else:
        answer, outcome = _submit(request, entity, mapped, form)
        status = 422
        if answer is not None:
            return answer
    services = beside.load_services(request, entity, mapped)
    context = {
        "form": form,
        "typed": unsent.texts(typed) if typed and not form else [],
        "entity": entity,
        "services": services,
        "problem": None if services else beside.load_problem(request, entity, mapped),
        "no_keys": [one.paging for one in mapped if not one.can_page],
        "outcome": outcome,
        "is_refused": bool(refusal),
    }
    return _render(request, context, status)


def _why_unsent(
    entity: Entity,
    mapped: Sequence[Mapped],
    form: TriggerForm,
    earlier: TriggeredIncident | None,
    why: str,
) -> Caution:
    """Say why this request did not send the form; the next one may."""
    if form.left_service:
        why += unsent.why_other_service(form.left_service, choices_of(mapped), entity)
    outcome = cautions.present_unsent(why, earlier)
    if unsent.is_over(earlier) or form.left_service:
        form.renew_key(earlier)
    return outcome


def _submit(
    request: HttpRequest, entity: Entity, mapped: Sequence[Mapped], form: TriggerForm
) -> tuple[HttpResponse | None, Caution | None]:
    """Send the form: the answer where that went through, else what is to be said above it."""
    if not form.is_valid():
        return None, None
    chosen = {value_of(one): one for one in mapped}[form.cleaned_data["service"]]
    try:
        attempt = _send(request, entity, chosen, form)
    except triggering.SentBefore as exc:
        form.renew_key(exc.attempt)
        return None, cautions.present_repeat(exc.attempt, now=timezone.localtime())
    if attempt is None:
        return None, None
    outcome = _outcome(request, attempt, chosen, form)
    return (None, outcome) if outcome else (_sent(request, entity, attempt), None)


def _form(
    request: HttpRequest,
    entity: Entity,
    mapped: Sequence[Mapped],
    typed: Mapping[str, Any] | None,
) -> TriggerForm | None:
    """The form for those of the services that can be paged; None where there are none."""
    choices = choices_of(mapped)
    if not choices:
        return None
    return TriggerForm(
        typed,
        services=choices,
        entity=entity,
        user_pk=request.user.pk,
        new_dedup_key=triggering.new_dedup_key(entity),
    )


def _send(
    request: HttpRequest, entity: Entity, chosen: Mapped, form: TriggerForm
) -> TriggeredIncident | None:
    """Send what was typed; None where nobody was paged, which the form's errors explain.

    Raises:
        SentBefore: It repeats an attempt that the form has not shown yet.
    """
    assert isinstance(request.user, User)  # noqa: S101 - tells the type checker
    try:
        attempt = triggering.trigger(
            entity=entity,
            service_target=chosen,
            description=form.cleaned_data["description"],
            severity=Severity(form.cleaned_data["severity"]),
            details=form.cleaned_data["details"],
            dedup_key=form.cleaned_data["dedup_key"],
            user=request.user,
            seen=form.cleaned_data["seen"],
        )
    except triggering.PagedTooOften as exc:
        form.add_error(None, cautions.present_throttle(exc.retry_in_s, now=timezone.localtime()))
    except (triggering.CannotPage, triggering.NotAllowed) as exc:
        form.add_error(None, f"Nobody has been paged. {exc}")
    except Rejected as exc:
        form.add_error(None, cautions.present_rejection(exc.detail))
        form.renew_key()
    else:
        unsent.forget(request, entity.ref)
        return attempt
    return None


def _outcome(
    request: HttpRequest, attempt: TriggeredIncident, chosen: Mapped, form: TriggerForm
) -> Caution | None:
    """What the person has to know of an attempt; None where what they typed went through."""
    pending_pages.remember(request, attempt)
    is_same_text = (attempt.description, attempt.account, attempt.service_pd_id) == (
        form.cleaned_data["description"],
        chosen.target.account,
        chosen.service_pd_id or attempt.service_pd_id,
    )
    outcome = cautions.present_to_sender(
        attempt, is_same_text=is_same_text, now=timezone.localtime()
    )
    if outcome and not attempt.may_resend:
        form.renew_key(attempt)
    return outcome


def _sent(request: HttpRequest, entity: Entity, attempt: TriggeredIncident) -> HttpResponse:
    if is_htmx(request):
        # The card behind the dialog asks for news once the dialog is closed.
        return trigger_client_event(HttpResponse(status=204), "dialog:close")
    # Not yet an incident, or sent by another request with the same form.
    outcome = present_outcome(attempt, timezone.localtime())
    messages.info(request, f"{outcome.title}. The card shows what comes of it.", "has-focus")
    return see_other(entity.get_absolute_url())


def _show_text(
    request: HttpRequest,
    why: str,
    typed: Mapping[str, Any],
    *,
    status: int,
    may_sign_in: bool = False,
) -> HttpResponse:
    """Show what was typed without the form, which needs the entity and somebody who may page.

    With ``may_sign_in`` one click posts the text again, which leads to the sign-in page.
    """
    context = {
        "typed": unsent.texts(typed),
        "outcome": cautions.present_unsent(why, unsent.earlier_attempt(typed)),
        "hidden": unsent.hidden(typed) if may_sign_in else [],
    }
    return _render(request, context, status)


def _render(request: HttpRequest, context: dict[str, Any], status: int) -> HttpResponse:
    is_dialog = is_htmx(request)
    context |= {"trigger_url": request.path, "is_dialog": is_dialog, "sender": request.user}
    template = "_trigger_form.html" if is_dialog else "trigger.html"
    if is_dialog and status >= 400:
        status = 422  # the one that htmx puts into the dialog
    return render(request, f"pagerduty_card/{template}", context, status=status)
