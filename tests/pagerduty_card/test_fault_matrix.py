"""Every misbehaviour in every section, through the worker's door and through a page's.

The real client over real sockets; what is asserted stands in the real pages.
"""

import contextlib
import datetime as dt
import re

import pytest
import time_machine
from django.core.cache import caches
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from pagerduty_card.accounts import get_account
from pagerduty_card.models import Feed
from pagerduty_card.syncing import pages
from pagerduty_card.syncing.accounts import sync_account
from pagerduty_card.wire import paged_lists
from pagerduty_card.wire.client import PagerDutyClient
from sandbox.pagerduty.server import serve
from tests.factories import make_user
from tests.pagerduty_card.conftest import undone
from tests.pagerduty_card.mirror import make_mapped_entity
from tests.pagerduty_card.misbehaviour import CASES, SECTIONS, UNKNOWN_CASES
from tests.pagerduty_card.pages import url_of
from tests.pages import soup_of
from tests.pages import words as text_of

pytestmark = [pytest.mark.django_db, pytest.mark.real_http]

BUSY, QUIET = "PCHKOUT", "PFRAUDC"  # the quiet one has nothing open
# SQL queries: a page has thirteen, and a cold cache adds the header's number.
PAGE_BOUND = 13 + 2
AGO = "3 minutes ago"
CLOSED_PORT = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def server():
    with serve(incident_delay_s=0) as running:
        yield running


@pytest.fixture(autouse=True)
def noon():
    """Half past twelve: the sandbox's turns end at 8 and 16 hours UTC, and an answer with them."""
    now = timezone.now().replace(hour=12, minute=30)
    with time_machine.travel(now, tick=True):
        yield now


@pytest.fixture
def sandbox(server, settings):
    server.state.reset()
    settings.PAGERDUTY_SANDBOX = True
    settings.PAGERDUTY_SANDBOX_URL = server.url
    return server


@pytest.fixture
def alone(sandbox, settings, monkeypatch, noon, subtests):
    """Let one fault of several happen soon after noon, over the rows of before and nothing else."""

    @contextlib.contextmanager
    def one(fault):
        sandbox.state.faults.clear()
        settings.PAGERDUTY_SANDBOX_URL = sandbox.url
        with (
            subtests.test(fault=fault.name),
            # What was stored before may have taken seconds.
            time_machine.travel(noon + dt.timedelta(seconds=20), tick=True),
            monkeypatch.context() as patched,
            undone(),
        ):
            if fault.is_slow:
                # What hangs is cut by the portal's own budgets: short ones are enough.
                patched.setattr(paged_lists, "CALL_BUDGET_S", 1.0)
                patched.setattr(pages, "PAGE_BUDGET_S", 2.0)
            yield

    return one


@pytest.fixture
def reader(client):
    client.force_login(make_user("reader"))
    return client


@pytest.fixture
def entities():
    return {
        BUSY: make_mapped_entity("checkout-api", service_id=BUSY),
        QUIET: make_mapped_entity("fraud-check", service_id=QUIET),
    }


def through_the_worker(section, reader=None, entities=None):
    del reader, entities
    kinds = {each.kind for each in SECTIONS if each.is_on_the_card} | {section.kind}
    with PagerDutyClient(get_account(), background=True) as client:
        sync_account(get_account(), client, kinds=kinds)


def through_a_page(section, reader, entities):
    del section
    for entity in entities.values():
        url = reverse("pagerduty_card:refresh", kwargs=entity.url_kwargs)
        assert reader.post(url, headers={"HX-Request": "true"}).status_code == 200


DOORS = {"worker": through_the_worker, "page": through_a_page}


def words(element):
    return text_of(element).replace(" .", ".").replace(" ,", ",")


class Page:
    """What the entity's page says of PagerDuty, and what it cost; or the card alone."""

    def __init__(self, reader, entity, sandbox, *, is_whole=True):
        before = sandbox.state.requests.count()
        caches["default"].clear()  # drawn anew, at its whole cost
        with CaptureQueriesContext(connection) as queries:
            if is_whole:
                answer = reader.get(entity.get_absolute_url())
            else:
                answer = reader.get(url_of(entity), headers={"HX-Request": "true"})
        assert answer.status_code == 200
        assert sandbox.state.requests.count() == before
        assert len(queries) <= PAGE_BOUND
        self.card = soup_of(answer).select_one("#pagerduty-card")
        self.text = words(self.card)
        self.state = words(self.card.select_one(".card__state")) if self.service else ""

    @property
    def service(self):
        return self.card.select_one(".card__state")

    def section(self, title):
        """The words of one section; None if the card has not come to sections."""
        for heading in self.card.select("h4"):
            if words(heading).startswith(title):
                return heading.find_parent("section")
        return None


def badges(reader, entities):
    """The rows' badges on the index, by service: words and tone."""
    soup = soup_of(reader.get(reverse("catalog:index")))
    found = {}
    for pd_id, entity in entities.items():
        row = soup.find("a", href=entity.get_absolute_url()).find_parent(["tr", "li"])
        [badge] = row.select('[title^="PagerDuty:"] .badge')
        found[pd_id] = words(badge), badge["data-tone"]
    return found


def provoke(case, sandbox, settings, reader, entities):
    fault, section, door = case
    if fault.kind:
        path = (door == "page" and section.page_path) or section.path
        sandbox.state.faults.add(path, fault.kind, **fault.options)
    else:
        settings.PAGERDUTY_SANDBOX_URL = CLOSED_PORT
    for cache in caches.all(initialized_only=True):
        cache.clear()  # no cool-down and no last turn of before
    is_one_enough = fault.is_of_records or fault.is_slow or section.title == "On call"
    hit = {BUSY: entities[BUSY]} if is_one_enough else entities
    DOORS[door](section, reader, hit)
    names = [""] if door == "worker" else list(hit)
    feeds = Feed.objects.filter(kind=section.kind, service_pd_id__in=names)
    return hit, set(feeds.values_list("reason", flat=True))


def reason_due(case):
    """The reason; a 404 of the service itself is an answer, though: there is none."""
    fault, section, door = case
    is_the_service = section.kind == Feed.Kind.SERVICES and door == "page"
    return "not_found" if fault.name == "404" and is_the_service else fault.reason


def said_of(case):
    fault, section, door = case
    scope = section.scope[0 if door == "worker" else -1]
    return [sentence.format(scope=scope) for sentence in fault.said]


def rows_of(section):
    return [words(row) for row in section.select(".row__title, .person__name")]


TITLED = [section for section in SECTIONS if section.title]
# What the badges of the index are made of.
OF_BADGES = {Feed.Kind.SERVICES, Feed.Kind.INCIDENTS, Feed.Kind.MAINTENANCE}


def by_door(cases):
    """The faults of each section and door: what is known before is the same for all of them."""
    found = {}
    for fault, section, door in cases:
        found.setdefault((section.kind, door), (section, door, []))[2].append(fault)
    return [pytest.param(*each, id="-".join(name)) for name, each in found.items()]


@pytest.mark.parametrize(("section", "door", "faults"), by_door(CASES))
def test_the_last_good_answer_stays_with_its_age_and_the_reason(
    section, door, faults, alone, sandbox, settings, reader, entities, noon
):
    # Long enough ago to be asked again; what is on the card is so after seconds.
    age = dt.timedelta(minutes=3 if section.is_on_the_card else 12)
    with time_machine.travel(noon - age, tick=True):
        through_the_worker(section)
    before = Page(reader, entities[BUSY], sandbox)
    seen = set()
    for fault in faults:
        with alone(fault):
            case = fault, section, door
            hit, reasons = provoke(case, sandbox, settings, reader, entities)
            assert reasons == {reason_due(case)}
            # A badge, and what is quiet, know the reason alone: one fault of each is enough.
            is_new = not reasons <= seen
            seen |= reasons
            shown = hit if is_new else {BUSY: entities[BUSY]}
            is_whole = fault is faults[0]
            pages = {
                pd_id: Page(reader, entity, sandbox, is_whole=is_whole)
                for pd_id, entity in shown.items()
            }
            check_pages(case, before, pages, reasons)
            if is_whole or (is_new and section.kind in OF_BADGES):
                check_badges(case, badges(reader, entities), pages, reasons)


def check_pages(case, before, pages, reasons):
    fault, section, _ = case
    for page in pages.values():
        if section.is_on_the_card and reasons != {"not_found"}:
            for sentence in said_of(case):
                assert sentence in page.text
            assert f"as of {AGO}" in page.text.lower()
    for each in TITLED:
        then, now = before.section(each.title), pages[BUSY].section(each.title)
        assert rows_of(then)
        if reasons == {"not_found"} and each.kind == Feed.Kind.ON_CALL:
            assert rows_of(now) == []  # a service that is gone pages nobody
            continue
        assert rows_of(now) == rows_of(then)
        if each is section:
            assert AGO in words(now) or f"As of {AGO}" in pages[BUSY].text
        elif not fault.is_of_account:
            assert now.select_one("p.age") is None
            assert "Not known" not in words(now)


def check_badges(case, shown, pages, reasons):
    _, section, _ = case
    assert shown[BUSY] == ("ALARM", "critical")
    if section.kind in {Feed.Kind.SERVICES, Feed.Kind.INCIDENTS} and QUIET in pages:
        # It was fine three minutes ago: that is told, and is not green.
        assert shown[QUIET][1] != "good"
        if reasons != {"not_found"}:
            assert shown[QUIET] == ("OK", "faint")
            assert f"as of {AGO}" in pages[QUIET].text.lower()


@pytest.mark.parametrize(("section", "door", "faults"), by_door(UNKNOWN_CASES))
def test_what_was_never_answered_is_unknown_and_says_why(
    section, door, faults, alone, sandbox, settings, reader, entities
):
    for fault in faults:
        with alone(fault):
            case = fault, section, door
            hit, reasons = provoke(case, sandbox, settings, reader, entities)
            assert reasons == {reason_due(case)}
            for entity in hit.values():
                page = Page(reader, entity, sandbox, is_whole=fault is faults[0])
                check_unknown(case, page, reasons)
            if section.kind in {Feed.Kind.SERVICES, Feed.Kind.INCIDENTS}:
                assert "good" not in {tone for _, tone in badges(reader, hit).values()}


def check_unknown(case, page, reasons):
    fault, section, _ = case
    if section.is_on_the_card and reasons != {"not_found"}:
        for sentence in said_of(case):
            assert sentence in page.text
    own = page.section(section.title) if section.title else None
    if own:
        assert "Not known" in words(own)
        assert not own.select(".row, .ladder__level")
    for claim in section.claims:
        assert not re.search(rf"\b{claim}\b", words(own) if own else page.text)
    if own and not fault.is_of_account:
        for each in TITLED:
            assert each is section or "Not known" not in words(page.section(each.title))


def test_words_pagerduty_adds_tomorrow_are_shown_as_they_are_and_marked_unknown(
    sandbox, reader, entities
):
    sandbox.state.faults.add("/", "unknown-values")
    through_the_worker(SECTIONS[0])
    assert not Feed.objects.filter(failed_at__isnull=False).exists()
    page = Page(reader, entities[BUSY], sandbox)
    incidents = words(page.section("Open incidents"))
    assert "pondering" in incidents
    assert "colossal" in incidents
    assert "Not known" not in incidents
    assert "UNKNOWN" in page.state
    assert badges(reader, entities)[BUSY] == ("UNKNOWN", "unknown")
    # Nothing open, and a status nobody has heard of: not fine either.
    assert badges(reader, entities)[QUIET] == ("UNKNOWN", "unknown")
