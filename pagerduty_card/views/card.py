"""The card alone, and its refresh."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from pagerduty_card.card import render_card
from pagerduty_card.syncing.pages import refresh_for_page
from pagerduty_card.views.lookup import entity_of, is_htmx, see_other


@never_cache
@require_safe
def card(request: HttpRequest, namespace: str, kind: str, name: str) -> HttpResponse:
    """Show the card alone: a page, or with htmx the fragment."""
    entity = entity_of(namespace, kind, name)
    html = render_card(request, entity, is_alone=True)
    if is_htmx(request):
        return HttpResponse(html)
    context = {"card_html": html, "entity": entity, "title": f"PagerDuty of {entity.display_name}"}
    return render(request, "pagerduty_card/card.html", context)


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
