"""Names and titles of strangers turn no other text around, in whichever direction they run."""

import pytest
from django.urls import reverse

from tests.factories import make_user
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
from tests.pages import soup_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("token")]

RTL = "RTL \u202eevil"
# These hold text alone; a browser isolates what stands in them by itself.
ALONE = ["bdi", "title", "option", "textarea"]


def test_whatever_a_stranger_wrote_is_isolated(client):
    entity = make_mapped_entity()
    make_feeds()
    policy = make_policy(f"policy {RTL}", levels=2)
    service = make_service(policy=policy, name=f"service {RTL}")
    make_on_call(policy, f"now {RTL}", schedule=f"schedule {RTL}")
    make_on_call(policy, f"next {RTL}", from_h=4, to_h=8, schedule=f"schedule {RTL}")
    make_incident(service, title=f"incident {RTL}", assignees=[{"name": f"who {RTL}", "url": ""}])
    make_past_incident(service, title=f"past {RTL}")
    make_change(
        service,
        summary=f"change {RTL}",
        source=f"source {RTL}",
        links=[{"href": "https://ci.example/1", "text": f"link {RTL}"}],
    )
    make_attempt(entity, description=f"attempt {RTL}", triggered_by_name=f"sender {RTL}")
    client.force_login(make_user(is_superuser=True))
    pages = [
        reverse("pagerduty_card:card", kwargs=entity.url_kwargs),
        reverse("pagerduty_card:trigger", kwargs=entity.url_kwargs),
        reverse("pagerduty_card:history", kwargs=entity.url_kwargs),
        reverse("boards:incidents"),
        reverse("boards:on-call"),
    ]
    isolated, bare = set(), []
    for page in pages:
        soup = soup_of(client.get(page))
        for text in soup.find_all(string=lambda text: text and "\u202e" in text):
            if text.find_parent(ALONE) or text.find_parent(dir="auto"):
                isolated |= set(text.split())
            else:
                bare.append((page, str(text.parent)))
    assert bare == []
    expected = "attempt change incident link next now past policy schedule sender service source"
    assert set(expected.split()) <= isolated


def test_a_name_in_a_sentence_turns_the_sentence_around_in_no_direction(client):
    entity = make_mapped_entity()
    make_feeds()
    policy = make_policy()
    make_service(policy=policy)
    make_on_call(policy, "\u05d3\u05e0\u05d4 \u202eevil\u2069")
    client.force_login(make_user(is_superuser=True))
    page = client.get(reverse("pagerduty_card:trigger", kwargs=entity.url_kwargs)).text
    assert "Pages \u2068\u05d3\u05e0\u05d4 evil\u2069 now" in page
