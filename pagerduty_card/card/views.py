"""The card alone, and its refresh."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import reswap, trigger_client_event

from pagerduty_card.card.button import render_actions
from pagerduty_card.card.rendering import CardUpdate, render_card, update_since
from pagerduty_card.lookup import entity_of, is_htmx
from pagerduty_card.syncing.pages import refresh_for_page
from portal.redirects import see_other


@never_cache
@require_safe
def card(request: HttpRequest, namespace: str, kind: str, name: str) -> HttpResponse:
    """Show the card alone: a page, or with htmx what is new to the page that asks."""
    entity = entity_of(namespace, kind, name)
    if is_htmx(request):
        have, is_alone = request.GET.get("have", ""), "alone" in request.GET
        return _answer(update_since(request, entity, have, is_alone=is_alone))
    context = {
        "card_html": render_card(request, entity, is_alone=True),
        "actions_html": render_actions(request, entity),
        "entity": entity,
        "title": f"PagerDuty of {entity.display_name}",
    }
    return render(request, "pagerduty_card/card.html", context)


def _answer(update: CardUpdate) -> HttpResponse:
    """Answer a page that shows the card: with the new one, with ages alone, or with nothing."""
    response = HttpResponse(status=204) if update.html is None else HttpResponse(update.html)
    if not update.is_card:
        reswap(response, "none")
    return trigger_client_event(response, "refresh-due") if update.is_due else response


@never_cache
@require_POST
def refresh(request: HttpRequest, namespace: str, kind: str, name: str) -> HttpResponse:
    """Ask PagerDuty for what is old, then answer the card, or go back to it without htmx."""
    entity = entity_of(namespace, kind, name)
    is_alone = "alone" in request.POST
    refresh_for_page(entity)
    if is_htmx(request):
        return HttpResponse(render_card(request, entity, is_alone=is_alone, is_answer=True))
    if is_alone:
        return see_other(reverse("pagerduty_card:card", kwargs=entity.url_kwargs))
    return see_other(entity.get_absolute_url())
