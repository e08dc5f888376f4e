"""Index, boards and card agree on every entity, whatever the entities name and is stored."""

import datetime as dt
import random
from urllib.parse import urlsplit

import pytest
import time_machine
from django.utils import timezone

from catalog.models import Entity
from pagerduty_card.models import Feed
from pagerduty_card.overview.presenting import STATES
from pagerduty_card.states import State
from tests.catalog.pages import select, texts
from tests.factories import make_entity, make_user
from tests.pagerduty_card.mirror import (
    link_service,
    make_feeds,
    make_incident,
    make_on_call,
    make_service,
)
from tests.pagerduty_card.pages import url_of

pytestmark = pytest.mark.django_db
ENTITIES, SERVICES = 30, 15
HTMX = {"HX-Request": "true"}
ACCOUNTS = ["default", "default", "default", "eu"]
STATUSES = ["active", "active", "warning", "critical", "maintenance", "disabled", "new-status"]


def key_of(number):
    return f"{number:032}"


def make_random_services(some):
    for number in range(SERVICES):
        hours = some.choice([None, None, -1, 1])
        service = make_service(
            f"P{number}",
            key=key_of(number) if some.random() < 0.7 else "",
            account=some.choice(ACCOUNTS),
            name=f"service {some.randrange(5)}",
            status=some.choice(STATUSES),
            is_mapped=some.random() < 0.9,
            maintenance_until=hours and timezone.now() + dt.timedelta(hours=hours),
            mirrored_at=timezone.now() - dt.timedelta(seconds=some.choice([10, 9000, 9000])),
        )
        if some.random() < 0.7:
            make_on_call(service.policy, level=some.choice([1, 2]), to_h=some.choice([4, -1]))
        for _ in range(some.choice([0, 0, 0, 1, 3])):
            make_incident(service, status=some.choice(["triggered", "acknowledged", "snoozed"]))


def make_random_feeds(some):
    for account in sorted(set(ACCOUNTS)):
        for pd_id in ["", *some.sample([f"P{number}" for number in range(SERVICES)], 4)]:
            for kind in (Feed.Kind.SERVICES, Feed.Kind.INCIDENTS, Feed.Kind.ON_CALL):
                if some.random() < (0.4 if pd_id else 0.95):
                    reason = some.choice(["", "", "", "unreachable", "not_found"])
                    make_feeds(
                        kind,
                        account=account,
                        service_pd_id=pd_id,
                        age_s=some.choice([5, 5, 60, 5000]),
                        failed_s=3 if reason else None,
                        reason=reason,
                        is_good=some.random() < 0.9,
                    )


def make_random_entities(some):
    for number in range(ENTITIES):
        ids = [f"P{some.randrange(SERVICES + 3)}" for _ in range(some.choice([0, 1, 1, 2, 3]))]
        annotations = {"pagerduty.com/service-id": some.choice([",", " , "]).join(ids)}
        if some.random() < 0.4:
            annotations["pagerduty.com/integration-key"] = key_of(some.randrange(SERVICES + 3))
        if some.random() < 0.3:
            annotations["pagerduty.com/account"] = some.choice(["default", "eu", "nobody"])
        entity = make_entity(f"entity-{number}", annotations=annotations)
        for linked in some.sample(range(SERVICES + 3), some.choice([0, 0, 1, 2])):
            link_service(entity, f"P{linked}", label=some.choice(["", f"label {linked}"]))


def indexed(client):
    """The slugs of the states that the index lists each entity under."""
    found = {}
    for state in STATES:
        page = client.get(f"/catalog/?state={state.slug}&limit=100")
        for name in texts(page, "th .index-table__link"):
            found.setdefault(name, set()).add(state.slug)
    return found


def board_rows(client):
    """The titles of the incidents that the board shows for each entity."""
    found, page, pages = {}, None, 0
    while page is None or select(page, 'a[rel="next"]'):
        pages += 1
        page = client.get(f"/incidents/?page={pages}")
        for row in select(page, ".board > .row"):
            title = row.select_one(".row__title").get_text(strip=True)
            for link in row.select('a[href^="/catalog/default/component/"]'):
                name = urlsplit(link["href"]).path.split("/")[-2]
                found.setdefault(name, set()).add(title)
    return found


@pytest.mark.parametrize("seed", [1, 2, 4, 6])
def test_index_board_and_card_say_the_same_of_each_entity(client, token, seed):
    some = random.Random(seed)
    client.force_login(make_user("ana"))
    with time_machine.travel("2026-11-02 12:00:00+00:00", tick=False):
        make_random_services(some)
        make_random_feeds(some)
        make_random_entities(some)
        states, rows = indexed(client), board_rows(client)
        mapped = texts(client.get("/catalog/?has=pagerduty&limit=100"), "th .index-table__link")
        assert sorted(mapped) == sorted(states)
        assert len({frozenset(some) for some in states.values()}) > 2
        for entity in Entity.objects.all():
            name = entity.name
            if name not in states:
                assert not select(client.get(entity.get_absolute_url()), "#pagerduty-card")
                continue
            # As an open page asks for it: the rest of the page costs as much again.
            cards = select(client.get(url_of(entity), headers=HTMX), "#pagerduty-card")
            words = cards[0]["data-live"].split("; ")[0].split(": ")[1]
            on_card = min((State(word.lower()) for word in words.split(", ")), key=lambda s: s.rank)
            on_index = min((State(s) for s in states[name] - {"nobody"}), key=lambda s: s.rank)
            assert (name, on_card) == (name, on_index)
            titles = {one.get_text(strip=True) for one in cards[0].select(".row__title")}
            assert (name, rows.get(name, set())) == (name, titles)
