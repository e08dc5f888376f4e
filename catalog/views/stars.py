"""Stars: the entities that a reader keeps at hand."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from catalog import stars
from catalog.models import Entity
from catalog.views.lookup import of_entity
from portal.redirects import see_other


@login_required
@require_POST
@of_entity
def star(request: HttpRequest, found: Entity) -> HttpResponse:
    """Put a star on the entity (``star=on``) or take it off, and say how it is now.

    The value asked for is explicit, so that the same request twice is harmless.
    """
    is_starred = request.POST.get("star") == "on"
    stars.put(request.user, found, is_starred=is_starred)
    back = _back(request, found)
    if getattr(request, "htmx", False):
        context = {"entity": found, "is_starred": is_starred, "back": back}
        return render(request, "catalog/_star.html", context)
    return see_other(back)


def _back(request: HttpRequest, found: Entity) -> str:
    """The page the star was on, if it is one of this portal's; else the entity's."""
    back = request.POST.get("next", "")
    is_own = url_has_allowed_host_and_scheme(back, allowed_hosts=None)
    return back if is_own and back.startswith("/") else found.get_absolute_url()
