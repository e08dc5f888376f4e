"""Does the first ``make run`` of a fresh clone: ``first_run.py CLONE PYTHON``.

It waits until a visitor who signs in sees on an entity's card who is on call, ends ``make``, and
looks whether a process was left. Exit code 1 if one of these failed.
"""

import re
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar
from pathlib import Path

PAGE = "/catalog/default/component/checkout-api/"
CARD = re.compile(r'id="pagerduty-card".*Checkout escalation', re.DOTALL)
PATIENCE_S = 300


def main(clone: str, python: str) -> int:
    """Start, visit, stop.

    Returns:
        The exit code.
    """
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    port, sandbox_port = (one.getsockname()[1] for one in listeners)
    for one in listeners:
        one.close()
    ports = [f"PORT={port}", f"SANDBOX_PORT={sandbox_port}"]
    make = subprocess.Popen(  # noqa: S603 -- our own command
        ["make", "run", f"PYTHON={python}", *ports],  # noqa: S607 -- as a newcomer types it
        cwd=clone,
    )
    began = time.monotonic()
    try:
        is_seen = _sees_card(make, f"http://127.0.0.1:{port}")
    finally:
        make.terminate()
        make.wait()
    left = [file for file in Path("/proc").glob("[0-9]*/cwd") if _leads_to(file, clone)]
    sys.stdout.write(
        f"make run: {'showed the card' if is_seen else 'DID NOT SHOW THE CARD'} after "
        f"{time.monotonic() - began:.0f} s; processes left: {len(left)}\n"
    )
    return 0 if is_seen and not left else 1


def _sees_card(make: subprocess.Popen[bytes], url: str) -> bool:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and make.poll() is None:
        time.sleep(1)
        try:
            if CARD.search(_visit(url)):
                return True
        except OSError:  # it does not answer yet
            continue
    return False


def _visit(url: str) -> str:
    """The page's HTML, as one sees it who has just signed in."""
    browser = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(CookieJar())
    )
    address = f"{url}/sign-in/?next={PAGE}"
    with browser.open(address, timeout=30) as answer:
        [token] = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', answer.read().decode())
    form = {"username": "viewer", "password": "viewer", "csrfmiddlewaretoken": token}
    with browser.open(address, urllib.parse.urlencode(form).encode(), timeout=30) as answer:
        return str(answer.read().decode())


def _leads_to(link: Path, folder: str) -> bool:
    try:
        return link.readlink().is_relative_to(folder)
    except OSError:  # it has ended meanwhile
        return False


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
