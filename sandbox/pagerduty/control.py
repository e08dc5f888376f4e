"""The sandbox's own addresses: its state, its faults, a reset, and a page for people."""

import json
from dataclasses import asdict
from html import escape
from typing import Any

from sandbox.pagerduty.api import HttpRequest, HttpResponse, json_response
from sandbox.pagerduty.faults import WORDS, BadFault
from sandbox.pagerduty.state import State


def is_control(path: str) -> bool:
    """Whether an address is the sandbox's own and not PagerDuty's."""
    return path == "/" or path.startswith("/sandbox/")


def respond(state: State, request: HttpRequest) -> HttpResponse:
    """Answer one of the sandbox's own addresses."""
    # A page of another site, open in the same browser, must not be able to press these buttons.
    origin = request.headers.get("origin", "")
    if origin and origin.partition("://")[2] != request.headers.get("host"):
        return json_response(403, {"error": "Not from another site."})
    match request.method, request.path:
        case "GET", "/":
            return _page(state, request.headers.get("host", "127.0.0.1"))
        case "GET", "/sandbox/state":
            return json_response(200, state.as_json())
        case "GET", "/sandbox/requests":
            return json_response(200, [asdict(logged) for logged in state.requests.all()])
        case "GET", "/sandbox/faults":
            return json_response(200, state.faults.as_json())
        case "PUT", "/sandbox/faults":
            return _set_faults(state, request.body)
        case "DELETE", "/sandbox/faults":
            state.faults.clear()
            return json_response(200, [])
        case "POST", "/sandbox/reset":
            state.reset()
            return json_response(200, state.as_json())
    return json_response(404, {"error": "The sandbox has no such address."})


def _set_faults(state: State, body: bytes) -> HttpResponse:
    try:
        state.faults.replace(json.loads(body))
    except BadFault as bad:
        return json_response(400, {"error": str(bad)})
    except ValueError:
        return json_response(400, {"error": "The body is not JSON."})
    return json_response(200, state.faults.as_json())


def _page(state: State, host: str) -> HttpResponse:
    found = state.as_json()
    rows = "".join(
        f"<tr><td>{escape(service['id'])}<td>{escape(service['name'])}"
        f"<td>{escape(', '.join(service['keys']))}<td>{_state_of(service)}"
        for service in found["services"]
    )
    kinds = "".join(f"<dt>{escape(kind)}<dd>{escape(words)}" for kind, words in WORDS.items())
    faults = escape(json.dumps(found["faults"], indent=1))
    example = escape('[{"path": "/incidents", "kind": "503", "times": 3}]')
    html = f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>PagerDuty sandbox</title>
<h1>PagerDuty sandbox</h1>
<p>A stand-in for PagerDuty. Nobody is paged. It is {escape(found["now"])}.</p>
<h2>Services</h2>
<table><tr><th>Id<th>Name<th>Key<th>State{rows}</table>
<h2>Faults</h2>
<p>Set now:</p><pre>{faults}</pre>
<p>Set others, or none, or start again:</p>
<pre>curl -X PUT -d '{example}' http://{escape(host)}/sandbox/faults
curl -X DELETE http://{escape(host)}/sandbox/faults
curl -X POST http://{escape(host)}/sandbox/reset</pre>
<p><code>path</code> is a regular expression for the start of path and query. Kinds:</p>
<dl>{kinds}</dl>
<p><a href="/sandbox/state">State</a>, <a href="/sandbox/requests">requests</a>.</p></html>"""
    return HttpResponse(
        status=200,
        body=html.encode(),
        headers={
            "Content-Type": "text/html; charset=utf-8",
            "Content-Security-Policy": "default-src 'none'",
        },
    )


def _state_of(service: dict[str, Any]) -> str:
    if service["is_disabled"]:
        return "disabled"
    suffix = ", in maintenance" if service["in_maintenance"] else ""
    opened = ", ".join(f"#{one['number']} {one['status']}" for one in service["open_incidents"])
    return escape(opened or "nothing open") + suffix
