"""Webhooks: from PagerDuty's request to the card, and a burst of which nothing is lost."""

import http.client
import json
import os
import sqlite3
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from pagerduty_card.accounts import SANDBOX_WEBHOOK_SECRET
from pagerduty_card.webhooks.signatures import HEADER, sign
from tests.bench import stage
from tests.bench.pages import ENTITY, Browser

EVENTS = 50
BURST = 1_000
REPEATED = 200
SENDERS = 8
PATH = "/pagerduty/webhooks/default/"
# Only webhooks shall tell of incidents here: made-up ones would go with the sandbox's next answer.
SILENT = [{"path": "/incidents", "kind": "503"}]


def event(number: int) -> bytes:
    """A triggered incident with this number."""
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    incident = {
        "id": f"QBENCH{number}",
        "type": "incident",
        "number": number,
        "status": "triggered",
        "title": f"Trouble number {number}",
        "urgency": "high",
        "created_at": at,
        "html_url": f"https://meridian.pagerduty.example/incidents/QBENCH{number}",
        "service": {"id": "PCHKOUT", "type": "service_reference", "summary": "checkout-api"},
        "assignees": [],
        "priority": {"id": "PP1", "type": "priority_reference", "summary": "P1"},
    }
    told = {
        "id": f"01BENCH{number}",
        "event_type": "incident.triggered",
        "resource_type": "incident",
        "occurred_at": at,
        "agent": None,
        "client": None,
        "data": incident,
    }
    return json.dumps({"event": told}).encode()


def send(url: str, body: bytes) -> tuple[int, float]:
    """Status and seconds of one delivery."""
    begun = time.perf_counter()
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)
    headers = {HEADER: sign(SANDBOX_WEBHOOK_SECRET, body), "Content-Type": "application/json"}
    connection.request("POST", PATH, body, headers)
    response = connection.getresponse()
    response.read()
    connection.close()
    return response.status, time.perf_counter() - begun


def measure() -> Iterator[tuple[str, object]]:
    """Time single events to the card, then a burst."""
    with stage.portal() as opened:
        browser = Browser(opened.url)
        browser.sign_in("viewer")
        request = urllib.request.Request(
            f"{opened.sandbox_url}/sandbox/faults", json.dumps(SILENT).encode(), method="PUT"
        )
        urllib.request.urlopen(request).read()
        database = Path(opened.environment["PORTAL_VAR_DIR"]) / "switchboard.sqlite3"
        rows = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
        yield f"load before: {os.cpu_count()} processors", round(os.getloadavg()[0], 1)
        yield from _to_the_card(opened, browser)
        yield from _burst(opened, rows)
        rows.close()


def _to_the_card(opened: stage.Stage, browser: Browser) -> Iterator[tuple[str, object]]:
    took = []
    for number in range(100_000, 100_000 + EVENTS):
        begun = time.perf_counter()
        send(opened.url, event(number))
        while f"#{number}" not in browser.get(f"{ENTITY}pagerduty/")[2]:
            if time.perf_counter() - begun > 60:
                raise RuntimeError(f"incident {number} never came to the card")
            time.sleep(0.01)
        took.append(time.perf_counter() - begun)
    yield f"webhook to card, {EVENTS} events: median seconds", round(median(took), 2)
    yield f"webhook to card, {EVENTS} events: worst seconds", round(max(took), 2)


def _burst(opened: stage.Stage, rows: sqlite3.Connection) -> Iterator[tuple[str, object]]:
    def count(table: str, condition: str) -> int:
        return int(rows.execute(f"select count(*) from {table} where {condition}").fetchone()[0])

    bodies = [event(number) for number in range(200_000, 200_000 + BURST)]
    begun = time.perf_counter()
    with ThreadPoolExecutor(SENDERS) as senders:
        answers = list(senders.map(lambda body: send(opened.url, body), bodies + bodies[:REPEATED]))
    sent_s = time.perf_counter() - begun
    deliveries, incidents = "pagerduty_card_delivery", "pagerduty_card_incident"
    while count(deliveries, "state = 'waiting'") and time.perf_counter() - begun < 300:
        time.sleep(0.1)
    applied_s = time.perf_counter() - begun
    ours = "event_id like '01BENCH2%'"
    applied = count(deliveries, f"{ours} and state = 'applied'")
    stored = count(incidents, "pd_id like 'QBENCH2%'")
    distinct = rows.execute(
        f"select count(distinct pd_id) from {incidents} where pd_id like 'QBENCH2%'"
    ).fetchone()[0]
    times = sorted(seconds for _, seconds in answers)
    yield (
        f"burst of {BURST} and {REPEATED} repeated: answered 202",
        sum(status == 202 for status, _ in answers),
    )
    yield "burst: seconds to answer, median and worst", f"{median(times):.2f} and {times[-1]:.2f}"
    yield "burst: seconds until all were answered", round(sent_s, 1)
    yield "burst: seconds until all were applied", round(applied_s, 1)
    yield "burst: lost (bound 0)", BURST - distinct
    yield "burst: applied twice (bound 0)", max(applied - BURST, 0) + stored - distinct
