"""The page of a service's past: strip, figures, PagerDuty's own, and the time line."""

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from pagerduty_card.history.loading import load_past
from pagerduty_card.history.strip import SPANS
from pagerduty_card.history.timeline import by_day
from pagerduty_card.labels import value_of
from pagerduty_card.lookup import entity_of, moment_of
from pagerduty_card.mapping import resolving

PAGE_SIZE = 50


@never_cache
@require_safe
def history(request: HttpRequest, namespace: str, kind: str, name: str) -> HttpResponse:
    """Show the last days of one of the entity's services, from stored rows."""
    entity = entity_of(namespace, kind, name)
    found = {
        value_of(one): one
        for one in resolving.resolve(resolving.targets_of(entity))
        if one.service is not None
    }
    chosen = request.GET.get("service") or next(iter(found), "")
    context = {
        "entity": entity,
        "title": f"Incident history of {entity.display_name}",
        "chosen": chosen,
    }
    if not found:
        return render(request, "pagerduty_card/history.html", context)
    mapped = found.get(chosen)
    if mapped is None or mapped.service is None:
        raise Http404("The entity has no such service")
    asked = request.GET.get("days", "")
    days = int(asked) if asked in {str(span) for span in SPANS} else SPANS[0]
    moment = moment_of(request)
    past = load_past(mapped.service, mapped.freshness, days=days, moment=moment)
    page = Paginator(past.entries, PAGE_SIZE).get_page(request.GET.get("page"))
    context |= {
        "service": mapped.service,
        "services": [(value, one.service) for value, one in found.items()],
        "past": past,
        "history": past.view,
        "spans": SPANS,
        "page": page,
        "timeline": by_day(page.object_list, moment.zone),
        "zone": timezone.get_current_timezone_name(),
    }
    return render(request, "pagerduty_card/history.html", context)
