"""A bare client of the sandbox over real sockets, and a clock that moves only when told."""

import datetime as dt
import json
import urllib.error
import urllib.request

HEADERS = {
    "Accept": "application/vnd.pagerduty+json;version=2",
    "Authorization": "Token token=sandbox-token",
    "Content-Type": "application/json",
}


class Clock:
    """Stands still at the start of an eight-hour turn until ``pass_`` is called."""

    def __init__(self, start=dt.datetime(2026, 11, 23, 8, 0, tzinfo=dt.UTC)):
        self.now = start

    def __call__(self):
        return self.now

    def pass_(self, **duration):
        self.now += dt.timedelta(**duration)


def ask(server, target, method="GET", headers=HEADERS, body=None, timeout_s=5):
    """Status and parsed JSON of one request; for the headers too, see ``ask_whole``."""
    return ask_whole(server, target, method, headers, body, timeout_s)[::2]


def ask_whole(server, target, method="GET", headers=HEADERS, body=None, timeout_s=5):
    """Status, headers and parsed JSON of one request; an empty body is None."""
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(server.url + target, method=method, headers=headers, data=data)
    try:
        answer = urllib.request.urlopen(request, timeout=timeout_s)
    except urllib.error.HTTPError as refused:
        answer = refused
    with answer:
        raw = answer.read()
        return answer.status, dict(answer.headers), json.loads(raw) if raw else None


def send(server, action, *, key, dedup_key="alarm", **payload):
    """Send one event; a trigger has a summary, a source and a severity."""
    event = {"routing_key": key, "event_action": action, "dedup_key": dedup_key}
    if action == "trigger":
        event["payload"] = {"summary": "It burns", "source": "test", "severity": "error"} | payload
    return ask(server, "/v2/enqueue", "POST", HEADERS, event)


def incidents_of(server, service_id, query=""):
    """The incidents of one service, of any age."""
    target = f"/incidents?date_range=all&limit=100&service_ids[]={service_id}{query}"
    return ask(server, target)[1]["incidents"]
