"""Requests to REST v2 and Events v2: from method and path to status and bytes. No sockets."""

import hmac
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from sandbox.pagerduty import analytics, events, oauth, reads, webhooks, writes
from sandbox.pagerduty.errors import SHAPES, InvalidInput, NotFound, RestError, usual_error
from sandbox.pagerduty.query import Query
from sandbox.pagerduty.resources import Person
from sandbox.pagerduty.routing import Reply, Request
from sandbox.pagerduty.state import State
from sandbox.pagerduty.write_request import Write

VERSION = "application/vnd.pagerduty+json;version=2"
ENQUEUE = "/v2/enqueue"
ENQUEUE_CHANGE = "/v2/change/enqueue"


class Host(StrEnum):
    """Which of PagerDuty's hosts is asked; one port stands for both unless told otherwise."""

    BOTH = "both"
    REST = "rest"
    EVENTS = "events"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """One request, read to its end.

    Attributes:
        target: Path and query string as sent.
        headers: By lower-case name.
        host: That it came to.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    host: Host = Host.BOTH

    @property
    def path(self) -> str:
        """The path without the query string."""
        return self.target.partition("?")[0]

    @property
    def is_event(self) -> bool:
        """Whether it goes to the host of Events v2, known or not, rather than to that of REST."""
        if self.host == Host.BOTH:
            return self.path.startswith("/v2/") or self.path.endswith("/enqueue")
        return self.host == Host.EVENTS


@dataclass(slots=True, kw_only=True)
class HttpResponse:
    """An answer, ready to be sent."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


class Caller(NamedTuple):
    """Who sends a request of REST v2, and what they may do."""

    scopes: frozenset[str]
    person: Person | None = None


def json_response(
    status: int, body: object, headers: Mapping[str, str] | None = None
) -> HttpResponse:
    """An answer with a JSON body and the headers every answer has."""
    return HttpResponse(
        status=status,
        body=json.dumps(body).encode(),
        headers={
            "Content-Type": "application/json; charset=utf-8",
            "X-Request-Id": uuid.uuid4().hex,
            **(headers or {}),
        },
    )


def respond(state: State, request: HttpRequest) -> HttpResponse:
    """Do what a request asks for, and answer it."""
    with state.lock:
        state.advance()
        if request.is_event:
            return _event(state, request)
        return _token(state, request) if request.path == oauth.PATH else _rest(state, request)


def failure(status: int, *, is_event: bool, shape: str = "") -> HttpResponse:
    """An error as PagerDuty would word it, for a fault that only names a status.

    Args:
        status: Of the answer.
        is_event: Whether Events v2 answers.
        shape: One of ``errors.SHAPES``; empty for the usual one of the host.
    """
    if is_event:
        words = _EVENT_WORDS.get(status, "internal error")
        body: dict[str, Any] = {"status": words, "message": words.capitalize(), "errors": [words]}
    else:
        body = usual_error(status).body
    if shape:
        body = SHAPES[shape](usual_error(status))
    headers = {"ratelimit-limit": "960", "ratelimit-remaining": "480", "ratelimit-reset": "30"}
    if status == 429:
        headers["ratelimit-remaining"] = "0"
    return json_response(status, body, {} if is_event else headers)


_EVENT_WORDS = {
    400: "invalid event",
    403: "forbidden",
    408: "request timeout",
    413: "payload too large",
    429: "throttle exceeded",
}


def _rest(state: State, request: HttpRequest) -> HttpResponse:
    headers: dict[str, str] = {}
    try:
        caller = _caller(state, request.headers.get("authorization", ""))
        usage = state.quota.take(caller.person.id if caller.person else "token")
        headers = usage.headers()
        reply = _rest_reply(state, request, caller, is_exceeded=usage.is_exceeded)
    except RestError as refused:
        reply = Reply(refused.status, refused.body)
    response = json_response(reply.status, reply.body, headers)
    if reply.status == 204:
        response.body = b""
    return response


def _rest_reply(state: State, request: HttpRequest, caller: Caller, *, is_exceeded: bool) -> Reply:
    if is_exceeded:
        raise usual_error(429)
    if not oauth.allows(caller.scopes, request.method, request.path):
        raise usual_error(403)
    if request.headers.get("accept", "").replace(" ", "") != VERSION:
        raise InvalidInput(f"Accept must be {VERSION}")
    body = events.json_object(request.body)
    if webhooks.is_route(request.path):
        return webhooks.answer(state.webhooks, request.method, request.path, body)
    if request.method == "GET":
        query = Query(parse_qs(urlsplit(request.target).query, keep_blank_values=True))
        read = Request(state.account, state.now(), query, caller.person)
        return reads.answer(read, request.path)
    is_metrics = request.method == "POST" and request.path == analytics.METRICS
    if not is_metrics and not writes.is_write(request.method, request.path):
        raise NotFound
    # PagerDuty's own client adds a charset.
    media_type = request.headers.get("content-type", "").partition(";")[0]
    if request.method != "DELETE" and media_type != "application/json":
        raise InvalidInput("Content-Type must be application/json")
    if is_metrics:
        return Reply(200, analytics.metrics(state.account, body))
    by_email = state.account.person_by_email(request.headers.get("from", "").strip())
    sender = caller.person or by_email
    return writes.answer(Write(state, sender, body), request.method, request.path)


def _caller(state: State, authorization: str) -> Caller:
    """Whose credentials these are: the account's, an app's, or a user's own.

    Raises:
        RestError: They are not accepted.
    """
    scheme, _, value = authorization.partition(" ")
    scheme, value = scheme.lower(), value.strip()
    if scheme == "token":
        value = value.removeprefix("token=").strip('"')
    granted = state.grants.scopes_of(value) if scheme == "bearer" else None
    if granted is not None:
        return Caller(granted)
    if scheme not in {"token", "bearer"}:
        raise usual_error(401)
    if hmac.compare_digest(value.encode(), state.token.encode()):
        return Caller(oauth.EVERYTHING)
    person = state.person_by_token(value)
    if person is None:
        raise usual_error(401)
    return Caller(oauth.EVERYTHING, person)


def _token(state: State, request: HttpRequest) -> HttpResponse:
    form = {name: values[-1] for name, values in parse_qs(request.body.decode("latin-1")).items()}
    if request.method != "POST":
        return json_response(404, {"error": "not_found"})
    status, body = state.grants.issue(form)
    return json_response(status, body)


def _event(state: State, request: HttpRequest) -> HttpResponse:
    if request.path not in {ENQUEUE, ENQUEUE_CHANGE} or request.method != "POST":
        return HttpResponse(
            status=404, body=b"404 page not found\n", headers={"Content-Type": "text/plain"}
        )
    if len(request.body) > events.MAX_BYTES:
        return failure(413, is_event=True)
    event = events.json_object(request.body)
    if event is None:
        return _refused(
            "Unrecognized object", "Event object format is unrecognized", "JSON parse error"
        )
    is_change = request.path == ENQUEUE_CHANGE
    # Where there is too much of something, the whole answer is of another shape.
    if too_many := events.too_many(event):
        return json_response(400, {"error": too_many})
    problems = events.problems_of_change(event) if is_change else events.problems_of(event)
    found = state.find_key(event.get("routing_key"))
    if not problems and found is None:
        problems = ["Invalid routing key"]
    if problems or found is None:
        return _refused("invalid event", "Event object is invalid", *problems)
    if state.events_quota.take(event["routing_key"]).is_exceeded:
        return failure(429, is_event=True)
    service, integration = found
    if is_change:
        state.accept_change(event, service, integration)
        return json_response(202, {"status": "success", "message": "Change event processed"})
    dedup_key = state.accept(event, service, integration)
    return json_response(
        202, {"status": "success", "message": "Event processed", "dedup_key": dedup_key}
    )


def _refused(status: str, message: str, *errors: str) -> HttpResponse:
    return json_response(400, {"status": status, "message": message, "errors": list(errors)})
