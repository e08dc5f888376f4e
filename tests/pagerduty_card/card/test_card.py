"""The card as a reader sees it: alone, on the entity's page, as a row's badge."""

import datetime as dt

import pytest
import time_machine
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone

from pagerduty_card.models import Feed, Service, TriggeredIncident
from tests.factories import make_user
from tests.pagerduty_card.mirror import (
    KEY,
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
from tests.pages import soup_of, words

pytestmark = pytest.mark.django_db
TRIGGER = "pagerduty_card.trigger_incident"


@pytest.fixture(autouse=True)
def _token(settings):
    settings.PAGERDUTY_TOKEN = "test-token-0123456789"


@pytest.fixture
def reader(client):
    client.force_login(make_user("reader"))
    return client


@pytest.fixture
def pager(client):
    client.force_login(make_user("pager", permissions=(TRIGGER,)))
    return client


def card_of(client, entity, **headers):
    """The card as a page that shows it alone asks for it, without the page around it."""
    address = f"{url_of(entity)}?alone"
    answer = client.get(address, headers={"HX-Request": "true", **headers})
    assert answer.status_code == 200
    return soup_of(answer).select_one("#pagerduty-card")


def test_is_a_full_page_without_htmx_and_a_fragment_with_it(reader):
    entity = make_mapped_entity()
    page = reader.get(url_of(entity)).text
    fragment = reader.get(url_of(entity), headers={"HX-Request": "true"}).text
    assert page.startswith("<!doctype html>")
    assert fragment.lstrip().startswith("<section")
    assert 'id="pagerduty-card"' in page
    assert 'id="pagerduty-card"' in fragment


def test_stands_on_the_entity_page(reader):
    entity = make_mapped_entity()
    make_feeds()
    make_incident(make_service(), title="Payments time out")
    page = reader.get(entity.get_absolute_url()).text
    assert 'id="pagerduty-card"' in page
    assert "Payments time out" in page


def test_an_entity_that_names_no_service_has_no_card(reader):
    from tests.factories import make_entity

    entity = make_entity("plain")
    assert "pagerduty-card" not in reader.get(entity.get_absolute_url()).text
    assert reader.get(url_of(entity)).status_code == 404


def test_shows_every_field_of_an_open_incident(reader):
    entity = make_mapped_entity()
    make_feeds()
    now = timezone.now()
    make_incident(
        make_service(),
        number=4711,
        title="Payments time out",
        status="acknowledged",
        priority="P1",
        url="https://meridian.pagerduty.com/incidents/Q4711",
        created_at=now - dt.timedelta(minutes=12),
        assignees=[
            {"name": "Ana Lima", "url": "https://meridian.pagerduty.com/users/PANA"},
            {"name": "Bo Chen", "url": ""},
        ],
        acknowledgements=[
            {"name": "Bo Chen", "url": "", "at": (now - dt.timedelta(minutes=3)).isoformat()}
        ],
        pending_actions=[
            {"type": "unacknowledge", "at": (now + dt.timedelta(minutes=5)).isoformat()}
        ],
    )
    card = card_of(reader, entity)
    row = words(card.select_one(".row"))
    for shown in (
        "#4711",
        "Payments time out",
        "Acknowledged",
        "P1",
        "high urgency",
        "12\xa0minutes ago".replace("\xa0", " "),
        "assigned to Ana Lima",
        "Bo Chen",
        "acknowledged by Bo Chen",
        "back to triggered",
    ):
        assert shown in row
    link = card.select_one('a[href="https://meridian.pagerduty.com/incidents/Q4711"]')
    assert link["target"] == "_blank"
    assert "noopener" in link["rel"]
    assert card.select_one('a[href="https://meridian.pagerduty.com/users/PANA"]')


def test_orders_incidents_by_status_priority_urgency_and_age(reader):
    entity = make_mapped_entity()
    make_feeds()
    service = make_service()
    ago = {m: timezone.now() - dt.timedelta(minutes=m) for m in (1, 5, 9)}
    make_incident(service, number=1, status="acknowledged", priority="P1")
    make_incident(service, number=2, priority="P10")
    make_incident(service, number=3, priority="P2", urgency="low", created_at=ago[1])
    make_incident(service, number=4, priority="P2", created_at=ago[9])
    make_incident(service, number=5, priority="P2", created_at=ago[5])
    make_incident(service, number=6)
    make_incident(service, number=7, priority="P²")
    card = card_of(reader, entity)
    numbers = [number.text for number in card.select(".row .num") if number.text.startswith("#")]
    assert numbers == ["#5", "#4", "#3", "#2", "#7", "#6", "#1"]


def test_shows_ten_incidents_and_all_the_others_behind_a_control_that_counts_them(reader):
    entity = make_mapped_entity()
    make_feeds()
    service = make_service()
    for number in range(1, 38):
        make_incident(service, number=number)
    card = card_of(reader, entity)
    assert "All 37 open incidents" in words(card.select_one("details"))
    assert len(card.select("details .row")) == 27
    assert len(card.select(".row")) == 37


def test_marks_a_change_in_the_hour_before_an_open_incident(reader):
    entity = make_mapped_entity()
    make_feeds()
    service = make_service()
    make_incident(service, number=4711, created_at=timezone.now() - dt.timedelta(minutes=10))
    make_change(
        service,
        summary="Deploy 8f3c1",
        minutes_ago=34,
        links=[{"href": "https://ci.example.com/1", "text": "Build"}],
    )
    make_change(service, summary="Older", minutes_ago=71)
    make_change(service, summary="Later", minutes_ago=2)
    rows = {
        next(w for w in ("Deploy", "Older", "Later") if w in words(row)): words(row)
        for row in card_of(reader, entity).select(".card__section:nth-of-type(3) .row")
    }
    assert "24 min before #4711" in rows["Deploy"]
    assert "Build" in rows["Deploy"]
    assert "before #" not in rows["Older"]
    assert "before #" not in rows["Later"]


def test_shows_every_level_with_people_schedule_shift_end_contact_and_who_is_next(reader):
    entity = make_mapped_entity()
    make_feeds()
    policy = make_policy(levels=3)
    service = make_service(policy=policy)
    make_incident(service, number=4711, title="Payments time out & more")
    ana = make_on_call(policy, "Ana Lima", level=1)
    make_on_call(policy, "Cy Diaz", level=1, from_h=4, to_h=12)
    make_on_call(policy, "Bo Chen", level=2, schedule="Checkout secondary")
    make_on_call(policy, "Lea Moreau", level=3, from_h=None, to_h=None, schedule="")
    card = card_of(reader, entity)
    levels = [words(level) for level in card.select(".ladder__level")]
    assert "Ana Lima" in levels[0]
    assert "Checkout primary" in levels[0]
    assert "until" in levels[0]
    assert "Cy Diaz" not in levels[0]
    assert "Bo Chen" in levels[1]
    assert "Lea Moreau" in levels[2]
    assert "always" in levels[2]
    assert "Cy Diaz takes level 1 at" in words(card)
    mail = card.select_one('a[href^="mailto:ana.lima@example.com"]')["href"]
    assert mail.endswith("?subject=checkout-api%3A%20%234711%20Payments%20time%20out%20%26%20more")
    assert card.select_one(f'a[href="{ana.responder.url}"]')
    assert card.select_one('a[href="https://meridian.pagerduty.com/escalation_policies/PPOL"]')
    assert card.select_one('a[href="https://meridian.pagerduty.com/schedules/PS1"]')


def test_shows_a_person_once_per_level_however_many_schedules_put_them_there(reader):
    entity = make_mapped_entity()
    make_feeds()
    policy = make_policy()
    make_service(policy=policy)
    first = make_on_call(policy, "Ana Lima", level=1, to_h=1, schedule="Days")
    make_on_call(policy, first.responder, level=1, to_h=2, schedule="Weekends")
    make_on_call(policy, first.responder, level=2)
    levels = card_of(reader, entity).select(".ladder__level")
    assert [len(level.select(".person")) for level in levels] == [1, 1]
    assert "Days" in words(levels[0])
    assert "Weekends" in words(levels[0])


def test_an_empty_level_says_who_is_paged_instead(reader):
    entity = make_mapped_entity()
    make_feeds()
    policy = make_policy(levels=2)
    make_service(policy=policy)
    make_on_call(policy, "Kai Larsen", level=2)
    level = card_of(reader, entity).select_one(".ladder__level")
    assert level["data-tone"] == "warning"
    assert "Nobody PagerDuty pages level 2 instead: Kai Larsen." in words(level)


def test_nobody_on_call_at_all_is_a_red_warning(reader):
    entity = make_mapped_entity()
    make_feeds()
    make_service()
    notice = card_of(reader, entity).select_one('.notice[data-tone="critical"]')
    assert "Nobody is on call" in words(notice)


def test_a_shift_that_ended_after_the_last_answer_is_unknown_not_empty(reader):
    entity = make_mapped_entity()
    make_feeds(age_s=7200)
    policy = make_policy(levels=1)
    make_service(policy=policy)
    make_on_call(policy, "Ana Lima", to_h=-1)
    card = card_of(reader, entity)
    assert "The shift of Ana Lima has ended" in words(card)
    assert "Nobody is on call" not in words(card)


def test_a_shift_that_ended_while_the_answer_was_under_way_is_unknown_not_empty(reader):
    entity = make_mapped_entity()
    make_feeds(age_s=5)
    asked_at = timezone.now() - dt.timedelta(seconds=40)
    Feed.objects.filter(kind=Feed.Kind.ON_CALL).update(asked_at=asked_at)
    policy = make_policy(levels=1)
    make_service(policy=policy)
    make_on_call(policy, "Ana Lima", to_h=-20 / 3600)
    card = card_of(reader, entity)
    assert "The shift of Ana Lima has ended" in words(card)
    assert "Nobody is on call" not in words(card)


def test_a_shift_that_is_over_by_our_clock_alone_is_unknown_not_empty(reader):
    entity = make_mapped_entity()
    make_feeds(age_s=5)
    policy = make_policy(levels=1)
    make_service(policy=policy)
    make_on_call(policy, "Ana Lima", to_h=-20 / 3600)  # PagerDuty named her after that
    card = card_of(reader, entity)
    assert "The shift of Ana Lima has ended" in words(card)
    assert "Nobody is on call" not in words(card)


def test_several_services_each_have_a_block_worst_first(reader):
    entity = make_mapped_entity("warehouse-sync", service_id="PEU,PUS")
    make_feeds()
    make_service("PEU", name="warehouse-sync-eu", key="")
    make_incident(make_service("PUS", name="warehouse-sync-us", key=""), title="Stuck")
    titles = [h.a.contents[0] for h in card_of(reader, entity).select("h3")]
    assert titles == ["warehouse-sync-us", "warehouse-sync-eu"]


def test_of_several_services_what_is_not_known_comes_right_behind_an_alarm(reader):
    states = ("ok", "disabled", "maintenance", "warning", "unknown", "alarm")
    entity = make_mapped_entity(service_id=",".join(f"P{one.upper()}" for one in states))
    make_feeds()
    statuses = {"disabled": "disabled", "maintenance": "maintenance"}
    made = {
        one: make_service(f"P{one.upper()}", name=one, key="", status=statuses.get(one, "active"))
        for one in states
    }
    make_incident(made["alarm"])
    make_incident(made["warning"], status="acknowledged")
    Service.objects.filter(name="unknown").update(mirrored_at=timezone.now())
    titles = [h.a.contents[0] for h in card_of(reader, entity).select("h3")]
    assert titles == ["alarm", "unknown", "warning", "maintenance", "disabled", "ok"]


@pytest.mark.parametrize(
    ("rows", "status", "state", "counts"),
    [
        (
            ["triggered", "acknowledged", "acknowledged"],
            "critical",
            "ALARM",
            "1 triggered, 2 acknowledged",
        ),
        (["acknowledged"], "warning", "WARNING", "1 acknowledged"),
        ([], "active", "OK", ""),
        ([], "disabled", "DISABLED", ""),
        ([], "maintenance", "MAINTENANCE", ""),
        ([], "frozen", "UNKNOWN", ""),
        (["simmering"], "active", "UNKNOWN", "1 simmering"),
        (["triggered"], "maintenance", "ALARM MAINTENANCE", "1 triggered"),
    ],
)
def test_the_header_says_the_state_in_words(reader, rows, status, state, counts):
    entity = make_mapped_entity()
    make_feeds()
    service = make_service(status=status)
    for row in rows:
        make_incident(service, status=row)
    header = card_of(reader, entity).select_one(".card__state")
    assert words(header) == f"{state} {counts}".strip() + " Nobody on call"
    assert all(badge.select_one("svg") for badge in header.select(".badge"))


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("active", None),
        ("disabled", "PagerDuty makes no new incident: the service is disabled."),
        ("maintenance", "PagerDuty makes no new incident: the service is in maintenance."),
    ],
)
def test_nothing_open_is_told_together_with_nothing_can_open(reader, status, said):
    entity = make_mapped_entity()
    make_feeds()
    make_service(status=status)
    card = words(card_of(reader, entity))
    assert "Nothing is open." in card
    assert said in card if said else "no new incident" not in card


def test_maintenance_says_until_when_and_ends_by_the_clock(reader):
    entity = make_mapped_entity()
    make_feeds()
    service = make_service(
        status="maintenance", maintenance_until=timezone.now() + dt.timedelta(hours=3)
    )
    assert "until" in words(card_of(reader, entity).select_one(".card__state"))
    service.maintenance_until = timezone.now() - dt.timedelta(seconds=5)
    service.save()
    make_feeds()
    assert words(card_of(reader, entity).select_one(".card__state")) == "OK Nobody on call"


SECTIONS = {
    Feed.Kind.INCIDENTS: ("Open incidents", "Nothing is open"),
    Feed.Kind.CHANGES: ("Recent changes", "No change was reported"),
    Feed.Kind.ON_CALL: ("On call", "Nobody is on call"),
}
REASONS = {
    "unreachable": "PagerDuty did not answer in time.",
    "throttled": "limits how often it may be asked",
    "token": "does not accept the token",
    "permission": "The token may not read this. PagerDuty says: needs incidents.read",
    "ability": "plan does not include this",
    "not_found": "no such service",
    "rejected": "did not accept the portal's question",
    "unreadable": "answer could not be read",
    "tomorrow": "no usable answer (tomorrow)",
}
# What went wrong, as the feed keeps it.
DETAILS = {"unreachable": "PagerDuty did not answer in time."}


def section_of(card, kind):
    title = SECTIONS[kind][0]
    return next(s for s in card.select(".card__section") if words(s.h4).startswith(title))


@pytest.mark.parametrize("kind", SECTIONS)
@pytest.mark.parametrize("reason", [*REASONS, ""])
def test_a_section_pagerduty_never_answered_is_unknown_and_takes_no_other_down(
    reader, kind, reason
):
    entity = make_mapped_entity()
    make_feeds()
    make_feeds(
        kind,
        is_good=False,
        failed_s=5 if reason else None,
        reason=reason,
        detail=DETAILS.get(reason, "needs incidents.read"),
    )
    make_service()
    card = card_of(reader, entity)
    section = section_of(card, kind)
    assert "Not known" in words(section)
    assert (REASONS[reason] if reason else "PagerDuty has not been asked yet.") in words(section)
    assert SECTIONS[kind][1] not in words(section)
    for other in SECTIONS.keys() - {kind}:
        assert SECTIONS[other][1] in words(section_of(card, other))
    state = words(card.select_one(".card__state"))
    nobody = "" if kind == Feed.Kind.ON_CALL else " Nobody on call"
    assert state == ("UNKNOWN" if kind == Feed.Kind.INCIDENTS else "OK") + nobody


@pytest.mark.parametrize("kind", SECTIONS)
@pytest.mark.parametrize("reason", REASONS)
def test_a_failure_after_a_good_answer_shows_the_answer_its_age_and_why(reader, kind, reason):
    entity = make_mapped_entity()
    make_feeds()
    make_feeds(
        kind,
        age_s=200,
        failed_s=5,
        reason=reason,
        detail=DETAILS.get(reason, "needs incidents.read"),
    )
    policy = make_policy()
    service = make_service(policy=policy)
    make_incident(service, title="Payments time out")
    make_change(service, summary="Deploy 8f3c1")
    make_on_call(policy, "Ana Lima")
    card = card_of(reader, entity)
    section = words(section_of(card, kind))
    kept = {"incidents": "Payments time out", "changes": "Deploy 8f3c1", "on_call": "Ana Lima"}
    assert kept[kind] in section
    assert "As of 3 minutes ago" in section.replace("\xa0", " ")
    assert words(card).replace("\xa0", " ").count("3 minutes ago") == 1
    assert ("old" in words(card.select_one(".card__state")).split()) is (kind == "incidents")
    assert REASONS[reason] in section


def test_what_is_told_of_the_service_itself_has_its_age_and_why_beside_fresh_sections(reader):
    entity = make_mapped_entity()
    make_feeds()
    make_feeds(Feed.Kind.SERVICES, age_s=1200, failed_s=5, reason="throttled")
    make_service()
    card = words(card_of(reader, entity))
    assert "20 minutes ago" in card
    assert "PagerDuty limits how often it may be asked" in card


def test_data_older_than_five_minutes_is_old_although_nothing_failed(reader):
    entity = make_mapped_entity()
    make_feeds(age_s=301)
    make_service()
    card = card_of(reader, entity)
    assert words(card).count("has not been asked since") == 1
    assert "Nothing was open" in words(section_of(card, Feed.Kind.INCIDENTS))
    assert card.select_one(".card__state .badge")["data-tone"] == "faint"
    text = words(card).replace("\xa0", " ")
    assert text.lower().count("as of 5 minutes ago") == 2  # the reason, coming shifts
    assert "ago" not in words(card.select_one(".card__state"))


def test_an_account_wide_answer_from_before_the_service_was_known_says_nothing_of_it(reader):
    entity = make_mapped_entity()
    make_feeds(age_s=60)
    make_service(mirrored_at=timezone.now())
    card = card_of(reader, entity)
    assert "Nothing is open" not in words(card)
    assert "UNKNOWN" in words(card.select_one(".card__state"))


def test_one_reason_for_everything_is_said_once(reader):
    entity = make_mapped_entity()
    make_feeds(is_good=False, failed_s=5, reason="unreachable")
    make_service()
    text = words(card_of(reader, entity))
    assert text.count("PagerDuty did not answer.") == 1
    assert "Nothing is open" not in text
    assert "OK" not in text


def test_a_refused_token_names_the_setting_only_to_an_administrator(client, reader):
    entity = make_mapped_entity()
    make_feeds(is_good=False, failed_s=5, reason="token")
    make_service()
    text = words(card_of(reader, entity))
    assert "Ask an administrator" in text
    assert "PAGERDUTY_TOKEN" not in text
    client.force_login(make_user("admin", is_staff=True))
    assert "PAGERDUTY_TOKEN" in words(card_of(client, entity))


def test_a_missing_token_names_the_setting_only_to_an_administrator(client, reader, settings):
    settings.PAGERDUTY_TOKEN = ""
    entity = make_mapped_entity()
    text = words(card_of(reader, entity))
    assert "not connected to PagerDuty" in text
    assert "PAGERDUTY_TOKEN" not in text
    client.force_login(make_user("admin", is_staff=True))
    assert "set PAGERDUTY_TOKEN" in words(card_of(client, entity))


@pytest.mark.parametrize(
    ("annotations", "said"),
    [
        ({"service_id": "PWRONG1"}, "PagerDuty has no service PWRONG1."),
        (
            {"integration_key": "f" * 28 + "beef"},
            "No PagerDuty service has this integration key (****beef).",
        ),
        (
            {"service_id": "PCHKOUT", "account": "emea"},
            "no PagerDuty account is called so; configured: default",
        ),
    ],
)
def test_a_wrong_mapping_is_said_with_the_place_to_correct_it(reader, annotations, said):
    entity = make_mapped_entity(**annotations)
    make_feeds()
    make_service()
    card = card_of(reader, entity)
    assert said in words(card)
    assert "examples/catalog/checkout.yaml:12" in words(card)
    assert "f" * 28 not in str(card)
    assert words(card.select_one(".card__state")) == "UNKNOWN"
    assert "not known yet" not in words(card)


def test_a_service_not_mirrored_yet_is_unknown_not_missing(reader):
    entity = make_mapped_entity()
    text = words(card_of(reader, entity))
    assert "PagerDuty has not been asked yet." in text
    assert "has no service" not in text


@pytest.mark.parametrize("age_s", [20, 60])
def test_asks_for_a_refresh_by_itself_only_when_something_is_old(reader, age_s):
    entity = make_mapped_entity()
    make_feeds(age_s=age_s)
    make_service()
    form = card_of(reader, entity).select_one("form.age")
    assert form["method"] == "post"
    assert form["action"] == form["hx-post"] == url_of(entity, "refresh")
    assert form["hx-target"] == "#pagerduty-card"
    assert form.select_one("[name=csrfmiddlewaretoken]")
    assert ("load" in form["hx-trigger"]) == (age_s > 45)


@pytest.mark.parametrize("kind", Feed.OF_PAGE)
def test_asks_for_a_refresh_whichever_of_its_sections_is_old(reader, kind):
    entity = make_mapped_entity()
    make_feeds()
    make_feeds(kind, age_s=1600)
    make_service()
    assert "load" in card_of(reader, entity).select_one("form.age")["hx-trigger"]


def test_tells_of_an_accepted_page_until_the_incident_is_found(reader):
    entity = make_mapped_entity()
    make_feeds()
    service = make_service()
    attempt = make_attempt(entity)
    card = card_of(reader, entity)
    assert "Accepted by PagerDuty, looking for the incident" in words(card)
    assert "load delay:2s" in card.select_one("form.age")["hx-trigger"]
    assert "Press Refresh" in words(card.select_one("noscript"))
    attempt.state = TriggeredIncident.State.CREATED
    attempt.incident_number = 4712
    attempt.incident_status = "triggered"
    attempt.incident_url = "https://meridian.pagerduty.com/incidents/Q4712"
    attempt.assignees = [{"name": "Ana Lima", "url": ""}]
    attempt.save()
    assert "load" in card_of(reader, entity).select_one("form.age")["hx-trigger"]
    make_incident(service, number=4712)
    make_feeds()
    card = card_of(reader, entity)
    assert "#4712" in words(card)
    assert "Created incident #4712, notified Ana Lima" in words(card)
    assert "load" not in card.select_one("form.age")["hx-trigger"]


def test_says_plainly_that_no_incident_appeared_within_a_minute(reader):
    entity = make_mapped_entity()
    make_feeds()
    make_service()
    make_attempt(entity, age_s=61, state="not_seen", looked_at=timezone.now())
    card = card_of(reader, entity)
    assert "no incident has appeared" in words(card)
    assert "load" not in card.select_one("form.age")["hx-trigger"]


@pytest.mark.parametrize(
    ("state", "age_s", "said"),
    [
        ("failed", 5, "Nobody has been paged"),
        ("unsure", 5, "it is not known whether anybody was paged"),
        ("sending", 5, "Being sent to PagerDuty"),
        ("sending", 60, "it is not known whether anybody was paged"),
        ("not_seen", 90, "no incident has appeared"),
        ("accepted", 61, "its incident cannot be looked for"),
    ],
)
def test_tells_what_became_of_an_attempt(reader, state, age_s, said):
    entity = make_mapped_entity()
    make_feeds()
    make_service()
    make_attempt(entity, state=state, age_s=age_s, description="Ledger is stuck")
    text = words(card_of(reader, entity))
    assert said in text
    assert "Ledger is stuck" in text
    assert "Dee Okafor" in text


def test_the_button_needs_the_right_and_a_key(client, reader):
    entity = make_mapped_entity()
    make_feeds()
    service = make_service()
    link = f'href="{url_of(entity, "trigger")}"'
    assert link not in reader.get(entity.get_absolute_url()).text
    client.force_login(make_user("pager", permissions=(TRIGGER,)))
    page = client.get(entity.get_absolute_url()).text
    assert link in page
    assert "data-dialog" in page
    assert link in client.get(url_of(entity)).text
    service.integrations.all().delete()
    make_feeds()  # as every write of the mirror goes with
    assert link not in client.get(entity.get_absolute_url()).text
    assert "no Events API v2 integration" in client.get(url_of(entity)).text


def test_a_drawing_is_used_again_only_where_a_new_one_would_be_equal(client, reader):
    entity = make_mapped_entity()
    with time_machine.travel("2026-11-01 09:00:00+00:00", tick=False) as clock:
        service = make_service()
        make_feeds(age_s=8)
        assert "Nothing is open" in words(card_of(reader, entity))
        make_incident(service, title="Payments time out")
        make_feeds(age_s=0)
        assert "Payments time out" in words(card_of(reader, entity))
        assert "as of now" in words(card_of(reader, entity))
        clock.shift(1)
        assert "as of a second ago" in words(card_of(reader, entity))
        make_feeds(age_s=1, failed_s=0, reason="token")
        assert "PAGERDUTY_TOKEN" not in words(card_of(reader, entity))
        client.force_login(make_user("admin", is_staff=True))
        assert "PAGERDUTY_TOKEN" in words(card_of(client, entity))
        client.cookies["tz"] = "Asia%2FTokyo"
        make_on_call(service.policy, to_h=2)
        make_feeds(age_s=1)
        assert "until 20:00 JST" in words(card_of(client, entity))


def test_a_portal_open_to_all_shows_no_button_to_an_anonymous_reader(client, settings):
    settings.MIDDLEWARE = [m for m in settings.MIDDLEWARE if "LoginRequired" not in m]
    entity = make_mapped_entity()
    make_feeds()
    make_service()
    page = client.get(entity.get_absolute_url())
    assert page.status_code == 200
    assert url_of(entity, "trigger") not in page.text


def test_each_reader_is_told_times_in_their_own_zone_also_within_one_second(reader):
    entity = make_mapped_entity()
    with time_machine.travel("2026-11-02 10:00:00+00:00", tick=False):
        make_feeds()
        policy = make_policy(levels=1)
        make_service(policy=policy)
        make_on_call(policy, "Ana Lima", to_h=6)
        told = []
        for zone in ("Europe/Berlin", "Asia/Tokyo"):
            reader.cookies["tz"] = zone
            told.append(words(card_of(reader, entity).select_one(".ladder__level")))
    assert "17:00" in told[0]
    assert "01:00" in told[1]


def test_what_pagerduty_says_is_printed_never_run(reader):
    entity = make_mapped_entity()
    make_feeds()
    service = make_service(name="<b>api</b>")
    make_incident(service, title="<script>alert(1)</script>", url="javascript:alert(1)")
    make_change(
        service, summary="<img src=x>", links=[{"href": "javascript:alert(2)", "text": "x"}]
    )
    html = reader.get(url_of(entity)).text
    assert "<script>alert" not in html
    assert "<img src=x>" not in html
    assert "<b>api" not in html
    assert "javascript:" not in html


def test_costs_the_same_queries_for_one_incident_and_for_fifty(
    reader, django_assert_max_num_queries
):
    entity = make_mapped_entity()
    make_feeds()
    policy = make_policy()
    service = make_service(policy=policy)
    counts = []
    for total in (1, 50):
        while service.incidents.count() < total:
            make_incident(service)
            make_change(service)
        make_on_call(policy, f"Person {total}")
        make_feeds()
        with django_assert_max_num_queries(20) as captured:
            reader.get(url_of(entity))
        counts.append(len([q for q in captured.captured_queries if "SELECT" in q["sql"]]))
        of_card = [q for q in captured.captured_queries if "pagerduty_card_" in q["sql"]]
        assert len(of_card) <= 10
    assert counts[0] == counts[1]


def test_a_badge_in_a_list_says_the_worst_state_at_a_constant_cost(
    reader, django_assert_max_num_queries
):
    make_feeds()
    make_incident(make_service("P1", name="one", key=""))
    make_service("P2", name="two", key="")
    make_mapped_entity("alarming", service_id="P1,P2")
    make_mapped_entity("calm", service_id="P2")
    make_mapped_entity("lost", service_id="PWRONG")
    rows = soup_of(reader.get(reverse("catalog:index"))).select(".row, tr")
    seen = {
        name: words(row)
        for row in rows
        for name in ("alarming", "calm", "lost")
        if name in words(row)
    }
    assert "ALARM" in seen["alarming"]
    assert "OK" in seen["calm"]
    assert "UNKNOWN" in seen["lost"]
    counts = []
    for more in (0, 15):
        for number in range(more):
            service = make_service(f"PX{number}", name=f"x{number}", key="")
            make_incident(service)
            make_mapped_entity(f"x{number}", service_id=f"PX{number}")
        # What boards keep is read anew every five seconds: no such step between two queries.
        with (
            time_machine.travel(timezone.now(), tick=False),
            django_assert_max_num_queries(60) as captured,
        ):
            cache.clear()  # of the index's own counts, which are kept until the catalog changes
            reader.get(reverse("catalog:index"))
        counts.append(len(captured.captured_queries))
    assert counts[0] == counts[1]


def test_the_key_is_nowhere_on_the_card(pager):
    entity = make_mapped_entity(integration_key=KEY)
    make_feeds()
    make_service()
    assert "checkout-api" in words(card_of(pager, entity).h3)
    assert KEY not in pager.get(url_of(entity)).text
