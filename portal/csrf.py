"""The answer to a form that is refused before its view sees it; what was typed is not lost.

Its CSRF token or origin is refused, or who sends it is signed out.
"""

from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import render, resolve_url
from django.urls import reverse

from portal import proxy
from portal.logging import current_request_id
from portal.middleware import GetResponse

_ATTRIBUTE = "csrf_failure"
# How Django's reasons begin where the form may be another site's.
_OF_ANOTHER_SITE = ("Origin checking failed", "Referer checking failed")
_REFUSED = "Nothing was done: the request has no valid CSRF token.\n"
# Characters that are quickly typed again.
_A_LINE = 80
View = Callable[..., HttpResponse]
Handler = Callable[..., HttpResponse | None]


def on_csrf_failure(handler: Handler) -> Callable[[View], View]:
    """Let a view answer itself where a form's token is refused, so that it can show what was typed.

    Args:
        handler: Called as the view would be, with ``is_own_form`` besides: False where the form may
            be another site's, whose text must be ready for no click of the reader. It must not do
            what the form asks for. With None the answer is that of all other views.
    """

    def decorator(view: View) -> View:
        setattr(view, _ATTRIBUTE, handler)
        return view

    return decorator


@login_not_required
def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer 403: by the view's own handler, else a page that says what to do.

    What is no POST is no form's, so that nothing was typed: it gets a line for whoever wrote it.
    """
    if request.method != "POST":
        return HttpResponse(_REFUSED, content_type="text/plain; charset=utf-8", status=403)
    is_of_another_site = reason.startswith(_OF_ANOTHER_SITE)
    if is_of_another_site:
        proxy.log_origin(request)
    is_own_form = (
        not is_of_another_site
        and request.headers.get("Sec-Fetch-Site", "same-origin") == "same-origin"
    )
    match = request.resolver_match
    handler: Handler | None = getattr(match.func, _ATTRIBUTE, None) if match else None
    if match and handler:
        answer = handler(request, *match.args, is_own_form=is_own_form, **match.kwargs)
        if answer is not None:
            return answer
    if is_own_form and (fields := _typed(request)):
        return _show_typed(request, fields)
    template = "403_origin.html" if is_of_another_site else "403_csrf.html"
    return render(None, template, {"request_id": current_request_id.get()}, status=403)


def keep_typed(get_response: GetResponse) -> GetResponse:
    """Show what was typed, ready to be sent again, where a form would be lost to the sign-in page.

    A view that is marked ``login_not_required`` answers itself.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        is_lost = (
            request.method == "POST"
            and response.status_code == HTTPStatus.FOUND
            and not request.user.is_authenticated
            and urlsplit(response["Location"]).path
            in (resolve_url(settings.LOGIN_URL), reverse("admin:login"))
            and request.resolver_match is not None
            and getattr(request.resolver_match.func, "login_required", True)
        )
        fields = _typed(request) if is_lost else []
        return _show_typed(request, fields) if fields else response

    return middleware


def _typed(request: HttpRequest) -> list[tuple[str, str]]:
    """The fields of a form in which somebody typed or chose more than a line; else none of them.

    None of one with a password, either: no page repeats it.
    """
    fields = [
        (name, value)
        for name, values in request.POST.lists()
        if name != "csrfmiddlewaretoken"
        for value in values
    ]
    if request.FILES or any("password" in name for name, _value in fields):
        return []
    return fields if _is_more_than_a_line(*(value for _name, value in fields)) else []


def _show_typed(request: HttpRequest, fields: list[tuple[str, str]]) -> HttpResponse:
    context = {
        "request_id": current_request_id.get(),
        "action": request.get_full_path(),
        "is_signed_out": not request.user.is_authenticated,
        "csrf_token": get_token(request),
        "texts": [field for field in fields if _is_more_than_a_line(field[1])],
        "values": [field for field in fields if not _is_more_than_a_line(field[1])],
    }
    return render(None, "403_typed.html", context, status=403)


def _is_more_than_a_line(*texts: str) -> bool:
    return sum(map(len, texts)) > _A_LINE or any("\n" in one for one in texts)
