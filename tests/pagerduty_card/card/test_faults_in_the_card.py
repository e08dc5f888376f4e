"""A fault of the portal in one part of the card costs that part alone, and never a page."""

import datetime as dt
import importlib
import inspect
import pkgutil
import sys
from dataclasses import replace

import pytest
from django.utils import timezone

import pagerduty_card.presenters
import portal.urls  # noqa: F401 -- a module that is imported later would keep what is broken here
from pagerduty_card.models import Service, TriggeredIncident
from pagerduty_card.paging import beside
from portal import page_frame
from tests.factories import make_user
from tests.pagerduty_card.conftest import undone
from tests.pagerduty_card.mirror import (
    make_attempt,
    make_change,
    make_feeds,
    make_incident,
    make_mapped_entity,
    make_on_call,
    make_past_incident,
    make_policy,
    make_service,
)
from tests.pagerduty_card.pages import url_of
from tests.pages import soup_of, words

pytestmark = pytest.mark.django_db
ENQUEUE = "https://events.pagerduty.com/v2/enqueue"
FAULT = "a fault that only the log may show"
HTMX = {"HX-Request": "true"}
# Of the card, beside the presenters that it shares with other pages.
ROOMS = [
    "pagerduty_card.card.attempts",
    "pagerduty_card.card.blocks",
    "pagerduty_card.card.escalation",
    "pagerduty_card.card.loading",
    "pagerduty_card.history.loading",
    "pagerduty_card.history.strip",
    "pagerduty_card.paging.beside",
    "pagerduty_card.states",
    *(
        f"pagerduty_card.presenters.{one.name}"
        for one in pkgutil.iter_modules(pagerduty_card.presenters.__path__)
    ),
]
# They guard what they call.
GUARDS = ("load_services", "load_problem")
# The managers whose rows the sections show.
LOADERS = [
    "pagerduty_card.models.Incident.objects.of_services",
    "pagerduty_card.models.ChangeEvent.objects.of_services",
    "pagerduty_card.models.OnCall.objects.of_services",
    "pagerduty_card.models.PastIncident.objects.filter",
    "pagerduty_card.models.TriggeredIncident.objects.of_entity",
    # The statement whose result tells whether what was drawn before still stands.
    "pagerduty_card.card.inputs._statement",
]
# What the card has to say where one of these fails.
SAYS = {
    "present_incidents": "couldn't show the open incidents",
    "present_changes": "couldn't show the recent changes",
    "present_on_call": "couldn't show who is on call",
    "present_history": "couldn't show the history",
    "present_attempt": "couldn't show the attempts to page from here",
    "present_state": "couldn't show the state of the service",
    "present_answer": "couldn't show the state of the service",
    "service_state": "couldn't show the state of the service",
    "present_card": "couldn't show the card",
    "pagerduty_card.models.Incident.objects.of_services": "couldn't show the open incidents",
    "pagerduty_card.models.ChangeEvent.objects.of_services": "couldn't show the recent changes",
    "pagerduty_card.models.OnCall.objects.of_services": "couldn't show who is on call",
    "pagerduty_card.models.PastIncident.objects.filter": "couldn't show the history",
    "pagerduty_card.models.TriggeredIncident.objects.of_entity": "couldn't show the attempts",
}
# The state rests on these: without them it is not OK.
OF_STATE = ("present_incidents", "present_answer", "present_state", "service_state", "present_card")


def presenters():
    """Every public function of the rooms, by module and name."""
    for room in ROOMS:
        module = importlib.import_module(room)
        for name, one in inspect.getmembers(module, inspect.isfunction):
            if one.__module__ == room and not name.startswith("_") and name not in GUARDS:
                yield f"{room}.{name}"


def fail(*_args, **_kwargs):
    raise RuntimeError(FAULT)


PARTS = [*presenters(), *LOADERS]


def replace_part(part, monkeypatch, other):
    """Put another function in the place of one, wherever it was imported."""
    if part in LOADERS:
        monkeypatch.setattr(part, other)
        return
    room, name = part.rsplit(".", 1)
    original = getattr(sys.modules[room], name)
    for module in [one for key, one in sys.modules.items() if key.startswith("pagerduty_card")]:
        if vars(module).get(name) is original:
            monkeypatch.setattr(module, name, other)


def breaks(part, monkeypatch):
    """Make a function fail wherever it was imported."""
    replace_part(part, monkeypatch, fail)


def parts_called_by(act, monkeypatch):
    """Those of the parts that run while something is done: no other can fail in it."""
    called = set()

    def noted(part):
        original = pkgutil.resolve_name(part)

        def call(*args, **kwargs):
            called.add(part)
            return original(*args, **kwargs)

        return call

    with monkeypatch.context() as patched, undone():
        for part in PARTS:
            replace_part(part, patched, noted(part))
        act()
    return called


@pytest.fixture(autouse=True)
def _settings(settings):
    settings.PAGERDUTY_TOKEN = "test-token-0123456789"


@pytest.fixture
def pager(client):
    client.force_login(make_user("dee", permissions=("pagerduty_card.trigger_incident",)))
    return client


@pytest.fixture
def entity():
    """An entity of whose service everything is known, and nothing is open."""
    entity = make_mapped_entity()
    make_feeds()
    policy = make_policy()
    service = make_service(policy=policy, history_since=timezone.now() - dt.timedelta(days=60))
    make_on_call(policy, "Ana Lima")
    make_change(service)
    make_past_incident(service, ack_min=5)
    make_attempt(entity)
    return entity


def test_the_button_stays_and_the_form_pages_whatever_fails(
    pager, entity, http, monkeypatch, subtests
):
    http.post(ENQUEUE, status=202, json={"status": "success", "message": "ok", "dedup_key": "x"})
    form_url = url_of(entity, "trigger")

    def look():
        page = pager.get(entity.get_absolute_url())
        assert page.status_code == 200
        assert FAULT not in page.text
        assert soup_of(page).select_one(f'a[data-dialog][href="{form_url}"]')
        assert pager.get(url_of(entity, "card")).status_code == 200

    def page_somebody():
        form = soup_of(pager.get(form_url, headers=HTMX))
        key = form.select_one("input[name=key]")["value"]
        typed = {
            "service": "default/PCHKOUT",
            "description": "down",
            "severity": "error",
            "key": key,
        }
        before = len(http.calls)
        assert pager.post(form_url, typed, headers=HTMX).status_code == 204
        assert len(http.calls) == before + 1
        assert TriggeredIncident.objects.filter(description="down", state="accepted").count() == 1

    called = {act: parts_called_by(act, monkeypatch) for act in (look, page_somebody)}
    assert all(len(parts) > 9 for parts in called.values())
    for part in PARTS:
        for act in [one for one in called if part in called[one]]:
            with (
                subtests.test(part=part, act=act.__name__),
                monkeypatch.context() as patched,
                undone(),
            ):
                breaks(part, patched)
                act()


def test_a_part_that_fails_says_so_and_the_others_stay(
    pager, entity, monkeypatch, caplog, subtests
):
    with undone():
        before = words(soup_of(pager.get(url_of(entity, "card"))).select_one("#pagerduty-card"))
    assert "couldn't show" not in before
    for part, said in SAYS.items():
        with subtests.test(part=part), monkeypatch.context() as patched, undone():
            [found] = [one for one in PARTS if one == part or one.endswith(f".{part}")]
            breaks(found, patched)
            caplog.clear()
            card = soup_of(pager.get(url_of(entity, "card"))).select_one("#pagerduty-card")
            assert said in words(card)
            assert "the portal's log has more" in words(card)
            assert FAULT in caplog.text
            is_state_lost = part in OF_STATE or part.endswith("Incident.objects.of_services")
            state = card.select_one(".card__state")
            assert ("OK" in words(state) if state else False) != is_state_lost
            if part not in {"present_answer", "service_state", "present_card"}:
                others = ["checkout-api", "Open incidents", "On call", "Recent changes"]
                assert all(heading in words(card) for heading in [*others, "Last 30 days"])


@pytest.mark.parametrize(
    ("view", "name", "said"),
    [
        ("incidents.IncidentsView", "first", "the open incidents"),
        ("incidents.IncidentsView", "is_calm", "the card"),
        ("on_call.OnCallView", "next_up", "who is on call"),
        ("incidents.ChangesView", "first", "the recent changes"),
    ],
)
def test_a_section_that_fails_in_its_template_says_so(pager, entity, monkeypatch, view, name, said):
    make_incident(Service.objects.get())
    monkeypatch.setattr(f"pagerduty_card.presenters.{view}.{name}", property(fail))
    page = pager.get(entity.get_absolute_url())
    card = words(soup_of(page).select_one("#pagerduty-card"))
    assert f"couldn't show {said}" in card
    assert FAULT not in page.text
    headings = ["Open incidents", "On call", "Recent changes", "Last 30 days"]
    assert [one for one in headings if one not in card] == (headings if said == "the card" else [])


def test_a_banner_and_a_number_that_fail_cost_themselves_alone(pager, entity, monkeypatch, caplog):
    item = page_frame.NavItem(label="Odd", url_name="catalog:index", icon="link", badge=fail)
    monkeypatch.setitem(page_frame._nav, "odd", item)
    monkeypatch.setitem(page_frame._banners, "odd", fail)
    assert pager.get(entity.get_absolute_url()).status_code == 200
    assert pager.get(url_of(entity)).status_code == 200
    assert FAULT in caplog.text


def test_the_form_says_what_it_could_not_find_out(pager, entity, monkeypatch, caplog):
    breaks("pagerduty_card.paging.beside.present_paging", monkeypatch)
    shown = pager.get(url_of(entity, "trigger")).text
    assert "It is not known who would be paged." in shown
    assert "You can still page." in shown
    assert FAULT in caplog.text


def test_the_form_stays_where_a_line_beside_it_fails(pager, entity, monkeypatch, caplog):
    class Odd(tuple):
        def __getitem__(self, _index):
            raise RuntimeError(FAULT)

    make_incident(Service.objects.get())
    present = beside.present_paging
    monkeypatch.setattr(
        beside,
        "present_paging",
        lambda *given, **named: replace(present(*given, **named), open_incidents=Odd([1])),
    )
    shown = pager.get(url_of(entity, "trigger"))
    assert shown.status_code == 200
    assert soup_of(shown).select_one("form textarea, form input[name=description]")
    assert "You can still page." in shown.text
    assert FAULT in caplog.text
