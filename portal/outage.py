"""The page while the database does not answer: it needs no database, no session and no user."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from portal.logging import current_request_id

RETRY_AFTER_S = 15
_CSRF_FIELD = "csrfmiddlewaretoken"
_NOT_SHOWN = ("password", "token", "secret")


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectLink:
    """Where one reaches another system without the portal."""

    label: str
    url: str


_links: dict[str, Callable[[], Sequence[DirectLink]]] = {}
_outcomes: dict[str, Callable[[HttpRequest, BaseException], str]] = {}


def add_links(name: str, make: Callable[[], Sequence[DirectLink]]) -> None:
    """Register addresses to show; ``make`` reads settings alone."""
    _links[name] = make


def add_outcome(name: str, explain: Callable[[HttpRequest, BaseException], str]) -> None:
    """Register a function that says what came of a request, such as that nobody was paged.

    Args:
        name: Unique.
        explain: Is given the request and the database's error; answers with sentences, or nothing
            where the request is not its own. It must not use the database.
    """
    _outcomes[name] = explain


def is_outage(error: BaseException | None) -> bool:
    """Whether the database does not answer, rather than the portal being broken."""
    return isinstance(error, OperationalError | InterfaceError)


def answer(request: HttpRequest, error: BaseException) -> HttpResponse:
    """Answer 503: what happened, how to go on without the portal, and what was typed.

    A script gets the sentences as text, to show them beside the form that it keeps.
    """
    said = [text for explain in _outcomes.values() if (text := explain(request, error))]
    links = [link for make in _links.values() for link in make()]
    if request.headers.get("HX-Request") == "true":
        ways = [f"{link.label}: {link.url}" for link in links] if said else []
        text = " ".join(["The portal's database does not answer.", *said, *ways])
        response = HttpResponse(text, status=503, content_type="text/plain; charset=utf-8")
    else:
        typed = _typed(request)
        context = {
            "outcomes": said,
            "links": links,
            "request_id": current_request_id.get(),
            "path": request.get_full_path(),
            "texts": [(name, value) for name, value in typed if _is_text(value)],
            "hidden": [(name, value) for name, value in typed if not _is_text(value)],
        }
        response = render(None, "503.html", context, status=503)
    response.headers["Retry-After"] = str(RETRY_AFTER_S)
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _typed(request: HttpRequest) -> list[tuple[str, str]]:
    """Names and values of the form that was sent; none where one is a secret.

    Only of the portal's own form: another site's must not be ready for a click of the reader.
    """
    if request.method != "POST" or not getattr(request, "csrf_processing_done", False):
        return []
    try:
        fields = [(name, str(one)) for name, values in request.POST.lists() for one in values]
    except (OSError, RequestDataTooBig):
        return []
    names = {name.lower() for name, _ in fields} - {_CSRF_FIELD}
    if any(word in name for name in names for word in _NOT_SHOWN):
        return []
    return fields


def _is_text(value: str) -> bool:
    """Whether a person probably typed it: a key, a choice or a number has no blanks."""
    return any(character.isspace() for character in value)
