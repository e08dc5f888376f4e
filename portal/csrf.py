"""The answer to a form whose CSRF token or origin is refused."""

from collections.abc import Callable

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from portal import proxy
from portal.logging import current_request_id

_ATTRIBUTE = "csrf_failure"
# How Django's reasons begin where the form may be another site's.
_OF_ANOTHER_SITE = ("Origin checking failed", "Referer checking failed")
View = Callable[..., HttpResponse]


def on_csrf_failure(handler: View) -> Callable[[View], View]:
    """Let a view answer itself where a form's token is refused, so that it can show what was typed.

    Args:
        handler: Called as the view would be, with ``is_own_form`` besides: False where the form may
            be another site's, whose text must be ready for no click of the reader. It must not do
            what the form asks for.
    """

    def decorator(view: View) -> View:
        setattr(view, _ATTRIBUTE, handler)
        return view

    return decorator


@login_not_required
def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer 403: by the view's own handler, else a page that says what to do."""
    is_of_another_site = reason.startswith(_OF_ANOTHER_SITE)
    if is_of_another_site:
        proxy.log_origin(request)
    match = request.resolver_match
    handler: View | None = getattr(match.func, _ATTRIBUTE, None) if match else None
    if match and handler:
        is_own_form = (
            not is_of_another_site
            and request.headers.get("Sec-Fetch-Site", "same-origin") == "same-origin"
        )
        return handler(request, *match.args, is_own_form=is_own_form, **match.kwargs)
    template = "403_origin.html" if is_of_another_site else "403_csrf.html"
    return render(None, template, {"request_id": current_request_id.get()}, status=403)
