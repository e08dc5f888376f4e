"""Pages: bytes on a first view, requests to PagerDuty, throughput against a bare view, memory."""

import http.client
import json
import re
import subprocess
import sys
import zlib
from collections.abc import Iterator
from http.cookies import SimpleCookie
from statistics import median
from urllib.parse import urlencode, urljoin

from tests.bench import stage

ENTITY = "/catalog/default/component/checkout-api/"
CONNECTIONS = 16
SECONDS = 2.0
ROUNDS = 5


class Browser:
    """Just enough of one to sign in and to count bytes as they cross the wire."""

    def __init__(self, url: str) -> None:
        self.connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=20)
        self.cookies: dict[str, str] = {}

    def cookie_header(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    def get(
        self, path: str, *, method: str = "GET", body: str | None = None
    ) -> tuple[int, bytes, str]:
        """Return status, body as transferred and body as text."""
        headers = {"Cookie": self.cookie_header(), "Accept-Encoding": "gzip"}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self.connection.request(method, path, body=body, headers=headers)
        response = self.connection.getresponse()
        raw = response.read()
        for line in response.headers.get_all("Set-Cookie") or []:
            for name, morsel in SimpleCookie(line).items():
                self.cookies[name] = morsel.value
        plain = (
            zlib.decompress(raw, wbits=31)
            if response.headers.get("Content-Encoding") == "gzip"
            else raw
        )
        return response.status, raw, plain.decode(errors="replace")

    def sign_in(self, name: str) -> None:
        _, _, form = self.get("/sign-in/")
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form)
        if token is None:
            raise RuntimeError("the sign-in page has no form")
        status, _, _ = self.get(
            "/sign-in/",
            method="POST",
            body=urlencode(
                {"username": name, "password": name, "csrfmiddlewaretoken": token.group(1)}
            ),
        )
        if status != 302:
            raise RuntimeError(f"signing in answered {status}")


def first_view(browser: Browser, path: str) -> dict[str, int]:
    """Bytes of the page and of everything it links from its own host, as transferred."""
    _, raw, html = browser.get(path)
    sizes = {"html": len(raw), "css": 0, "js": 0, "htmx": 0, "other": 0}
    links = set(re.findall(r'<(?:link|script)[^>]+(?:href|src)="(/static/[^"]+)"', html))
    scripts = [link for link in links if link.endswith(".js") and "htmx" not in link]
    while scripts:  # modules import further modules
        script = scripts.pop()
        for found in re.findall(r'^import[^"]*"([^"\s]+)"', browser.get(script)[2], re.M):
            imported = urljoin(script, found)
            if imported not in links:
                links.add(imported)
                scripts.append(imported)
    for link in links:
        kind = "htmx" if "htmx" in link else link.rsplit(".", 1)[-1]
        sizes[kind if kind in sizes else "other"] += len(browser.get(link)[1])
    return sizes


def per_second(url: str, cookie: str) -> float:
    """Requests a second at 16 connections; the client is a process of its own."""
    printed = subprocess.run(
        [sys.executable, "-m", "tests.bench.load", url, cookie, str(CONNECTIONS), str(SECONDS)],
        cwd=stage.ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    done = json.loads(printed)
    if done["not_200"]:
        raise RuntimeError(f"{url}: {done['not_200']} answers were not 200")
    return float(done["per_second"])


def requests_seen(sandbox_url: str) -> int:
    """How many requests the sandbox has answered so far."""
    connection = http.client.HTTPConnection(sandbox_url.removeprefix("http://"), timeout=5)
    connection.request("GET", "/sandbox/state")
    return sum(json.loads(connection.getresponse().read())["requests"].values())


def measure() -> Iterator[tuple[str, object]]:
    """Start a portal, look at it, load it."""
    with stage.portal(worker=False) as portal:
        browser = Browser(portal.url)
        browser.sign_in("demo")
        before = requests_seen(portal.sandbox_url)
        browser.get(ENTITY)
        after = requests_seen(portal.sandbox_url)
        yield "entity page: requests to PagerDuty while rendering", after - before
        sizes = first_view(browser, ENTITY)
        yield (
            "entity page, first view: kB compressed (html + css + js + htmx)",
            f"{(sizes['html'] + sizes['css'] + sizes['js'] + sizes['htmx']) / 1000:.1f} {sizes}",
        )
    with stage.portal() as portal:
        browser = Browser(portal.url)
        browser.sign_in("demo")
        cookie = browser.cookie_header()
        for name, path in (
            ("entity page", ENTITY),
            ("index", "/catalog/"),
            ("home", "/"),
            ("card alone", f"{ENTITY}pagerduty/"),
        ):
            # In turns, so that a machine that is slow for a while is slow for both.
            rounds = [
                (per_second(f"{portal.url}/bare/", cookie), per_second(portal.url + path, cookie))
                for _ in range(ROUNDS)
            ]
            share = median(bare / page for bare, page in rounds)
            fastest = max(page for _, page in rounds)
            yield (
                f"{name}: share of a bare signed-in view",
                f"1/{share:.1f} ({fastest:.0f} a second)",
            )
        for name, process in portal.processes.items():
            yield f"{name}: resident MB after the load", stage.resident_mb(process.pid)
