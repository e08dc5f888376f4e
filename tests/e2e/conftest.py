"""A browser, a portal and a PagerDuty: Chromium against the live server against the sandbox."""

import contextlib
import os
import shutil
import sqlite3

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.utils import timezone

from catalog.editing.removing import remove
from catalog.models import Entity, Location
from pagerduty_card.accounts import get_account
from pagerduty_card.models import Feed
from pagerduty_card.syncing.accounts import sync_account
from pagerduty_card.wire.client import PagerDutyClient
from sandbox.pagerduty.server import serve
from tests.catalog.overlays import set_overlay
from tests.factories import make_entity, make_issue, make_user

# Playwright's loop runs in the thread of the test, where Django then refuses its database.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"

CHROMIUM = shutil.which("chromium") or ""
# Quiet: Chromium's own requests to its maker have no place in a test.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# The rules on which a colour scheme has a bearing. They cost four fifths of axe's time.
COLOUR_RULES = ["color-contrast", "link-in-text-block"]
# No style sheet is of another host, so there is none to load again.
RUN_AXE = """async (options) =>
  (await axe.run({resultTypes: ["violations"], preload: false, ...options})).violations"""
DESK = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
# The page, or a table in its frame, is wider than there is room.
OVERFLOW = """[document.documentElement, ...document.querySelectorAll(".table-frame")]
  .some((one) => one.scrollWidth > one.clientWidth)"""
PATIENCE_MS = 8_000
SERVICE = "pagerduty.com/service-id"
OVERLAYS = (
    ("annotation", "pagerduty.com/integration-key", "0123456789abcdef0123456789abcdef"),
    ("annotation", "backstage.io/view-url", "https://example.com/worker"),
    ("link", "https://example.com/a-long-address/of-a-runbook/that-does-not-fit", "Runbook"),
    ("owner", "", "nobody"),
)


def pytest_collection_modifyitems(items):
    """Skip every journey, and say why, where there is no browser."""
    for item in items:
        if "tests/e2e/" in str(item.path) and not CHROMIUM:
            item.add_marker(pytest.mark.skip(reason="no chromium on the PATH"))


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": FLAGS}


@pytest.fixture
def pagerduty():
    with serve(incident_delay_s=0.1) as sandbox:
        yield sandbox


def make_rows():
    """A few entities, a location with issues, an orphan, one that is gone, and a person."""
    make_entity("checkout-team", kind="Group", type="team", title="Checkout")
    team = "group:default/checkout-team"
    make_entity("lea", kind="User", type="", lifecycle="", relations=(("memberOf", team),))
    make_entity("checkout", kind="System", type="product", lifecycle="", owner=team)
    definition = {"definition": "a: 1\n" * 90}
    make_entity("checkout-rest", kind="API", type="openapi", system="checkout", spec=definition)
    make_entity(
        "checkout-api",
        description="Takes payments for every shop of Meridian Market.",
        owner="group:default/checkout-team",
        system="checkout",
        relations=(("providesApi", "api:checkout-rest"), ("dependsOn", "component:gone")),
        tags=("java", "payments"),
        annotations={SERVICE: "PCHKOUT"},
        links=[{"url": "https://example.com/runbook", "title": "Runbook"}],
    )
    longest = {"owner": f"group:default/{'y' * 63}", "system": f"system:default/{'z' * 63}"}
    make_entity("x" * 63, type="tool", **longest)
    make_entity("fraud-check", annotations={SERVICE: "PFRAUDC"})
    make_entity("delivery-tracker", annotations={SERVICE: "PWRONG1"})
    worker = make_entity("invoice-worker", lifecycle="experimental", source="/srv/all.yaml")
    for field, key, value in OVERLAYS:
        set_overlay(worker, field, key, value, user=None)
    location = Location.objects.create(pk=7, type="file", target="/srv/all.yaml")
    Entity.objects.filter(pk=worker.pk).update(location=location)
    for number in range(5):
        make_issue(
            worker.ref,
            f"wrong {number}",
            "wrong again",
            location=location,
            file=f"/srv/{number}.yaml",
        )
    orphan = {"source": "/srv/gone.yaml", "orphaned_at": timezone.now()}
    make_entity("left-over", type="library", title="L" * 300, description="word" * 100, **orphan)
    remove(Entity.objects.filter(pk=make_entity("gone").pk), user=None)
    make_user(
        "kai.larsen",
        first_name="Kai",
        last_name="Larsen",
        email="kai.larsen@example.com",
        permissions=(
            "pagerduty_card.trigger_incident",
            *("catalog.view_location", "catalog.add_location", "catalog.refresh_location"),
            *("catalog.delete_location", "catalog.view_importissue"),
        ),
    )


@pytest.fixture(scope="session")
def stored_rows(tmp_path_factory):
    """The file that the rows of the first portal are kept in for the others."""
    return tmp_path_factory.mktemp("rows") / "stored.sqlite3"


@pytest.fixture
def portal(live_server, settings, pagerduty, stored_rows):
    """The portal's address, with a few entities and everything PagerDuty knows about them."""
    settings.PAGERDUTY_SANDBOX = True
    settings.PAGERDUTY_SANDBOX_URL = pagerduty.url
    if stored_rows.exists():
        connection.ensure_connection()
        with contextlib.closing(sqlite3.connect(stored_rows)) as rows:
            rows.backup(connection.connection)
        now = timezone.now()
        answered = Feed.objects.filter(succeeded_at__isnull=False)
        answered.update(asked_at=now, succeeded_at=now)
        return live_server.url
    with transaction.atomic():
        make_rows()
    account = get_account()
    with PagerDutyClient(account) as client:
        sync_account(account, client)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM INTO %s", [str(stored_rows)])
    return live_server.url


@pytest.fixture
def kai(portal):
    return User.objects.get(username="kai.larsen")


@pytest.fixture
def sign_in_kai(client, kai, portal):
    """Sign Kai in to a context of the browser."""

    def sign_in(context):
        client.force_login(kai)
        value = client.cookies["sessionid"].value
        context.add_cookies([{"name": "sessionid", "value": value, "url": portal}])

    return sign_in


@pytest.fixture(scope="session")
def shared_pages(browser):
    """A page for each set of options: a new one costs a process of Chromium, and its caches."""
    pages = {}
    yield pages
    for page in pages.values():
        page.context.close()


@pytest.fixture
def open_page(shared_pages, browser, portal, sign_in_kai):
    """Open a page in which Kai is signed in; keyword arguments are the browser context's.

    The page was used before and was cleared after it. Its clock is not to be installed.
    """
    opened = []

    def open_one(**options):
        name = repr(sorted(options.items()))
        if name not in shared_pages:
            context = browser.new_context(base_url=portal, **options)
            context.set_default_timeout(PATIENCE_MS)
            shared_pages[name] = context.new_page()
        opened.append((shared_pages[name], options))
        sign_in_kai(shared_pages[name].context)
        return shared_pages[name]

    yield open_one
    for page, options in opened:
        for other in page.context.pages:
            if other != page:
                other.close()
        page.unroute_all()
        page.goto("about:blank")
        page.context.clear_cookies()
        page.emulate_media(media="null", color_scheme=options.get("color_scheme", "light"))
        page.set_viewport_size(options.get("viewport", {"width": 1280, "height": 720}))


def run_axe(page, **options):
    """The rules that the page breaks as it is now: a line for each element."""
    if not page.evaluate("Boolean(window.axe)"):
        page.evaluate(AXE_SCRIPT)
    return [
        f"{one['id']}: {node['target']}: {node['failureSummary']}"
        for one in page.evaluate(RUN_AXE, options)
        for node in one["nodes"]
    ]


def set_screen(page, size):
    """Give a page the width of a desk or a phone, with what points there: a mouse or a thumb."""
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setTouchEmulationEnabled", {"enabled": size == PHONE})
    session.detach()
    page.set_viewport_size(size)


def violations(page, what, *, is_all_colours=False):
    """What is wrong on a desk in light colours and on a phone in dark ones; found on a desk.

    A colour that is wrong in another pair alone is found with ``is_all_colours``: so the style
    guide is looked at, which shows every component.
    """
    found = run_axe(page)
    if is_all_colours:
        page.emulate_media(color_scheme="dark")
        found += run_axe(page, runOnly=COLOUR_RULES)
        page.emulate_media(color_scheme="light")
    set_screen(page, PHONE)
    if is_all_colours:
        found += run_axe(page, runOnly=COLOUR_RULES)
    if page.evaluate(OVERFLOW):
        found.append("scrolls sideways on a phone")
    page.emulate_media(color_scheme="dark")
    found += run_axe(page)
    page.emulate_media(color_scheme="light")
    set_screen(page, DESK)
    return [f"{what}: {one}" for one in found]


@pytest.fixture
def no_violations():
    """Check a page; the message names rule and element."""

    def check(page, what, **options):
        found = violations(page, what, **options)
        assert not found, "\n".join(found)

    return check
