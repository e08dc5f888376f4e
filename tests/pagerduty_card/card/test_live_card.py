"""An open card asks for news of itself, and is told no more than that."""

import datetime as dt

import pytest
import time_machine
from django.urls import reverse

from pagerduty_card.models import Feed
from tests.factories import make_user
from tests.pagerduty_card.mirror import (
    make_attempt,
    make_change,
    make_feeds,
    make_incident,
    make_mapped_entity,
    make_on_call,
    make_policy,
    make_service,
)
from tests.pagerduty_card.pages import url_of
from tests.pages import soup_of

pytestmark = pytest.mark.django_db
NOON = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def _token(settings):
    settings.PAGERDUTY_TOKEN = "test-token-0123456789"


@pytest.fixture
def clock():
    with time_machine.travel(NOON, tick=False) as travelled:
        yield travelled


@pytest.fixture
def reader(client):
    client.force_login(make_user("reader"))
    return client


@pytest.fixture
def entity(clock):
    return make_mapped_entity()


@pytest.fixture
def service(clock):
    policy = make_policy()
    make_on_call(policy, "Ana Lima")
    return make_service(policy=policy)


def shown(client, entity):
    """What the card on the entity's page says it shows."""
    page = soup_of(client.get(entity.get_absolute_url()))
    card = page.select_one("#pagerduty-card")
    assert card["hx-get"] == url_of(entity)
    assert card["hx-trigger"] == "tick, close from:#dialog"
    assert card["hx-include"] == "find [name=have]"
    return card.select_one("[name=have]")["value"]


def poll(client, entity, have):
    return client.get(url_of(entity), {"have": have}, headers={"HX-Request": "true"})


def test_a_page_that_shows_all_there_is_is_told_nothing(reader, entity, service, clock):
    make_incident(service)
    make_feeds()
    have = shown(reader, entity)
    clock.shift(dt.timedelta(minutes=2))
    answer = poll(reader, entity, have)
    assert (answer.status_code, answer.content) == (204, b"")


def test_a_newer_answer_with_the_same_content_brings_its_ages_alone(reader, entity, service, clock):
    make_feeds()
    have = shown(reader, entity)
    clock.shift(30)
    make_feeds(age_s=0)
    answer = poll(reader, entity, have)
    assert answer.status_code == 200
    assert answer["HX-Reswap"] == "none"
    parts = soup_of(answer).find_all(True, recursive=False)
    assert poll(reader, entity, parts.pop(0)["value"]).status_code == 204
    assert [(part["id"], part["hx-swap-oob"]) for part in parts] == [
        ("as-of-card", "true"),
        ("as-of-default-PCHKOUT", "true"),
        ("as-of-changes-default-PCHKOUT", "true"),
        ("as-of-on-call-default-PCHKOUT", "true"),
        ("as-of-shifts-default-PCHKOUT", "true"),
    ]
    assert parts[0].get_text() == "as of now"
    page = soup_of(reader.get(entity.get_absolute_url()))
    assert all(len(page.select(f"[id='{part['id']}']")) == 1 for part in parts)


def test_how_far_back_changes_reach_moves_without_a_new_card(reader, entity, service, clock):
    make_feeds(Feed.Kind.CHANGES, covers_since=NOON - dt.timedelta(days=30))
    make_feeds(*(kind for kind in Feed.Kind.values if kind != Feed.Kind.CHANGES))
    assert "since 25 Oct 00:00 UTC" in " ".join(
        soup_of(reader.get(url_of(entity))).get_text().split()
    )
    have = shown(reader, entity)
    clock.shift(60)
    since = NOON - dt.timedelta(days=30) + dt.timedelta(seconds=60)
    make_feeds(*(kind for kind in Feed.Kind.values if kind != Feed.Kind.CHANGES), age_s=0)
    make_feeds(Feed.Kind.CHANGES, covers_since=since, age_s=0)
    assert poll(reader, entity, have)["HX-Reswap"] == "none"


def test_ages_that_the_card_does_not_show_are_not_renewed(reader, entity, service, clock):
    make_incident(service)
    make_feeds()
    have = shown(reader, entity)
    clock.shift(30)
    make_feeds(age_s=0)
    text = poll(reader, entity, have).text
    assert "as-of-default" not in text
    assert "as-of-on-call-default" in text


# Everything that may change on a card while somebody looks at it.
CHANGES = {
    "a new incident": lambda _, service: make_incident(service),
    "a new change": lambda _, service: make_change(service),
    "somebody else on call": lambda _, service: make_on_call(service.policy, "Bo Chen"),
    "a failure": lambda *_: make_feeds(
        Feed.Kind.INCIDENTS, age_s=30, failed_s=0, reason="unreachable"
    ),
    "disabled": lambda _, service: type(service).objects.update(status="disabled"),
    "maintenance": lambda _, service: type(service).objects.update(
        maintenance_until=NOON + dt.timedelta(hours=2)
    ),
    "an attempt to page": lambda entity, _: make_attempt(entity),
}


@pytest.mark.parametrize("what", sorted(CHANGES))
def test_whatever_changes_brings_the_new_card(reader, entity, service, clock, what):
    make_feeds()
    have = shown(reader, entity)
    clock.shift(30)
    if what != "a failure":
        make_feeds(age_s=0)
    CHANGES[what](entity, service)
    answer = poll(reader, entity, have)
    assert answer.status_code == 200
    assert "HX-Reswap" not in answer
    assert 'id="pagerduty-card"' in answer.text
    assert have not in answer.text


@pytest.mark.parametrize("have", ["", "x", "....", "\x00", "0" * 5000])
def test_a_page_that_shows_something_else_gets_the_card(reader, entity, service, have):
    make_feeds()
    answer = poll(reader, entity, have)
    assert 'id="pagerduty-card"' in answer.text


def test_a_card_that_awaits_an_incident_is_sent_anew_each_time(reader, entity, service):
    make_feeds()
    make_attempt(entity, state="accepted", answered_at=NOON)
    have = shown(reader, entity)
    answer = poll(reader, entity, have)
    assert answer.status_code == 200
    assert 'id="pagerduty-card"' in answer.text


def test_a_card_that_falls_due_asks_for_a_refresh_and_is_not_swapped_for_it(
    reader, entity, service, clock
):
    make_feeds()
    have = shown(reader, entity)
    assert "HX-Trigger" not in poll(reader, entity, have)
    clock.shift(60)
    answer = poll(reader, entity, have)
    assert answer.status_code == 204
    assert "refresh-due" in answer["HX-Trigger"]


def test_asks_pagerduty_nothing_and_the_database_little(
    reader, entity, service, http, django_assert_max_num_queries
):
    for _ in range(20):
        make_incident(service)
        make_change(service)
    make_feeds()
    have = shown(reader, entity)
    with django_assert_max_num_queries(9):
        assert poll(reader, entity, have).status_code == 204
    assert len(http.calls) == 0


def test_what_one_reader_shows_is_no_secret_of_another_ones(client, entity, service):
    make_feeds()
    client.force_login(make_user("reader"))
    have = shown(client, entity)
    client.force_login(
        make_user("pager", is_staff=True, permissions=("pagerduty_card.trigger_incident",))
    )
    assert poll(client, entity, have).status_code == 200


def test_nobody_is_told_anything_who_is_signed_out(client, reader, entity, service):
    make_feeds()
    have = shown(reader, entity)
    client.logout()
    answer = poll(client, entity, have)
    assert answer.status_code == 302
    assert answer["Location"].startswith(reverse("sign-in"))


def test_the_card_alone_keeps_leading_back_to_itself(reader, entity, service):
    make_feeds()
    page = soup_of(reader.get(url_of(entity)))
    assert '"alone": "1"' in page.select_one("#pagerduty-card")["hx-vals"]
    answer = reader.get(url_of(entity), {"alone": "1"}, headers={"HX-Request": "true"})
    assert 'name="alone"' in answer.text


def test_coming_shifts_are_on_the_card_as_far_as_they_are_known(reader, entity, clock):
    policy = make_policy(levels=1)
    make_service(policy=policy)
    make_on_call(policy, "Ana Lima", to_h=5)
    make_on_call(policy, "Bo Chen", from_h=7, to_h=24 * 20)
    make_feeds()
    card = soup_of(reader.get(entity.get_absolute_url())).select_one("#pagerduty-card")
    text = " ".join(card.get_text(" ").split())
    assert "Level 1 has nobody from 17:00 UTC to 19:00 UTC ." in text
    assert "an incident would page nobody" in text
    clock.shift(1)
    make_feeds(Feed.Kind.SHIFTS, is_good=False, failed_s=5, reason="permission")
    text = reader.get(url_of(entity)).text
    assert "has nobody from" not in text
    assert "Whether a coming shift has nobody is not known. The token may not read this." in text
    policy.on_calls.all().delete()
    make_on_call(policy, "Ana Lima", from_h=-1, to_h=24 * 30)
    make_feeds()
    assert "Somebody holds every level until" in reader.get(url_of(entity)).text


def test_no_level_is_called_held_of_which_it_is_not_known_who_holds_it(reader, entity, clock):
    policy = make_policy(levels=2)
    make_service(policy=policy)
    make_on_call(policy, "Ana Lima", level=1, from_h=None, to_h=None)
    make_on_call(policy, "Bo Chen", level=2, from_h=-4, to_h=0.01)
    make_on_call(policy, "Cy Diaz", level=2, from_h=0.1, to_h=24 * 30)
    make_feeds()
    clock.shift(60)
    text = " ".join(soup_of(reader.get(url_of(entity))).text.split())
    assert "The shift of Bo Chen has ended" in text
    assert "Somebody holds every level" not in text


def test_a_level_that_has_nobody_now_is_never_called_held(reader, entity, service):
    make_on_call(service.policy, "Ana Lima", level=1, from_h=None, to_h=None)
    make_feeds()
    text = " ".join(soup_of(reader.get(url_of(entity))).text.split())
    assert "Level 2 has nobody now" in text
    assert "Somebody holds every level" not in text


def test_coming_holes_carry_the_age_of_the_answer_they_rest_on(reader, entity, clock):
    policy = make_policy(levels=1)
    make_service(policy=policy)
    make_on_call(policy, "Ana Lima", to_h=5)
    make_feeds()
    make_feeds(Feed.Kind.SHIFTS, age_s=8 * 60)
    text = " ".join(soup_of(reader.get(url_of(entity))).text.split())
    assert "Level 1 has nobody from" in text
    assert "Coming shifts as of 8 minutes ago." in text


def test_an_answer_about_the_same_coming_shifts_renews_their_age_alone(reader, entity, clock):
    policy = make_policy(levels=1)
    make_service(policy=policy)
    make_on_call(policy, "Ana Lima", from_h=None, to_h=None)
    make_feeds()
    have = shown(reader, entity)
    clock.shift(30)
    make_feeds(age_s=1)
    answer = poll(reader, entity, have).text
    assert 'id="as-of-shifts-default-PCHKOUT"' in answer
    assert 'id="pagerduty-card"' not in answer


def test_the_head_of_the_card_names_whom_it_pages_first_and_only_while_that_is_known(
    reader, entity, service, clock
):
    make_feeds()
    page = soup_of(reader.get(url_of(entity)))
    link = page.select_one(".card__state a")
    assert link.text.strip() == "on call: Ana Lima"
    assert page.select_one(link["href"]).h4
    clock.shift(3600)  # nobody asks any more
    page = soup_of(reader.get(url_of(entity)))
    assert not page.select(".card__state a")
