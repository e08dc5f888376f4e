import datetime as dt
import zoneinfo
from pathlib import Path

import pytest
import time_machine
from bs4 import BeautifulSoup
from django import forms
from django.contrib.messages import constants as levels
from django.contrib.messages.storage.base import Message
from django.contrib.staticfiles import finders
from django.core.paginator import Paginator
from django.template import Context, Template
from django.test import RequestFactory
from django.utils import timezone

from catalog.kinds import Kind

EVIL = '"><script>alert(1)</script>'
NOW = dt.datetime(2026, 11, 23, 16, 0, tzinfo=dt.UTC)


def rendered(source: str, **values) -> BeautifulSoup:
    request = RequestFactory().get(values.pop("address", "/"))
    return BeautifulSoup(
        Template(source).render(Context({"request": request, **values})), "html.parser"
    )


@pytest.mark.parametrize(
    "source",
    [
        "{% icon evil %}",
        "{% badge evil tone=evil icon=evil %}",
        "{% avatar evil url=evil %}",
        "{% external_link evil evil %}",
        '{% external_link "https://example.com/" evil %}',
        "{% panel evil id=evil tone=evil actions=evil %}{{ evil }}{% endpanel %}",
        "{% notice evil title=evil %}{{ evil }}{% endnotice %}",
        "{% dialog evil evil %}{{ evil }}{% enddialog %}",
        "{% empty_state evil next=evil href=evil %}",
    ],
)
def test_values_are_escaped_in_every_place_a_component_prints_them(source):
    page = rendered(source, evil=EVIL)

    assert page.find("script") is None
    assert not [
        name for tag in page.find_all(True) for name in tag.attrs if name.startswith("alert")
    ]


def test_a_literal_is_trusted_as_the_module_says():
    assert rendered('{% badge "<b>loud</b>" %}').find("b") is not None
    assert rendered("{% badge word %}", word="<b>loud</b>").find("b") is None


def test_a_badge_says_its_state_in_word_colour_and_shape():
    badge = rendered('{% badge "ALARM" tone="critical" icon="state-alarm" %}').find("span")

    assert badge.text == "ALARM"
    assert badge["data-tone"] == "critical"
    assert badge.find("use")["href"].endswith("icons.svg#state-alarm")
    assert badge.find("svg")["aria-hidden"] == "true"


@pytest.mark.parametrize("tone", ["resolved", "", "GOOD", "green"])
def test_a_tone_nobody_knows_looks_unknown_and_never_fine(tone):
    assert rendered("{% badge 'x' tone=tone %}", tone=tone).find("span")["data-tone"] == "unknown"


def sprite():
    source = Path(finders.find("img/icons.svg")).read_text()
    return BeautifulSoup(source, "html.parser").find_all("symbol")


def test_every_state_has_a_shape_of_its_own():
    states = [symbol for symbol in sprite() if symbol["id"].startswith("state-")]

    assert len(states) == 6
    assert len({symbol.decode_contents() for symbol in states}) == 6


def test_every_icon_a_template_or_kind_names_is_in_the_sprite():
    drawn = {symbol["id"] for symbol in sprite()}

    assert {kind.icon for kind in Kind} <= drawn
    assert {"page", "on-call", "incidents", "catalog", "home", "users", "star", "wrench"} <= drawn


@pytest.mark.parametrize(
    ("distance", "words"),
    [
        (dt.timedelta(0), "now"),
        (dt.timedelta(seconds=-20), "20\xa0seconds ago"),
        (dt.timedelta(minutes=-5), "5\xa0minutes ago"),
        (dt.timedelta(hours=-1), "an hour ago"),
        (dt.timedelta(days=-17), "2\xa0weeks ago"),
        (dt.timedelta(hours=2, minutes=5), "in 2\xa0hours"),
        (dt.timedelta(days=17), "in 2\xa0weeks"),
    ],
)
def test_ago_speaks_in_one_unit(distance, words):
    with time_machine.travel(NOW, tick=False):
        time = rendered("{% ago instant %}", instant=NOW + distance).find("time")

    assert time.text == words


def test_a_time_carries_the_instant_in_utc_and_the_reader_s_own_clock():
    with time_machine.travel(NOW, tick=False), timezone.override("Asia/Kolkata"):
        time = rendered("{% ago instant %}", instant=NOW).find("time")

    assert time["datetime"] == "2026-11-23T16:00:00+00:00"
    assert time["title"] == "Mon 23 Nov 2026, 21:30:00 IST"


@pytest.mark.parametrize(
    ("instant", "words"),
    [
        (dt.datetime(2026, 11, 23, 17, 30, tzinfo=dt.UTC), "18:30 CET"),
        (dt.datetime(2026, 11, 24, 8, 0, tzinfo=dt.UTC), "Tue 09:00 CET"),
        (dt.datetime(2026, 11, 22, 8, 0, tzinfo=dt.UTC), "22 Nov 09:00 CET"),
        (dt.datetime(2026, 12, 24, 8, 0, tzinfo=dt.UTC), "24 Dec 09:00 CET"),
        (dt.datetime(2025, 7, 1, 8, 0, tzinfo=dt.UTC), "1 Jul 2025, 10:00 CEST"),
    ],
)
def test_when_is_as_short_as_it_stays_clear(instant, words):
    with (
        time_machine.travel(NOW, tick=False),
        timezone.override(zoneinfo.ZoneInfo("Europe/Berlin")),
    ):
        assert rendered("{% when instant %}", instant=instant).find("time").text == words


@pytest.mark.parametrize("tag", ["ago", "when"])
def test_a_missing_time_is_called_unknown(tag):
    page = rendered(f"{{% {tag} instant %}}", instant=None)

    assert page.text.strip() == "unknown time"
    assert page.find("time") is None


@pytest.mark.parametrize(
    ("name", "initials"),
    [
        ("Ana Lima", "AL"),
        ("ana.lima", "AL"),
        ("Ana Maria de Lima", "AL"),
        ("bo", "B"),
        ("Ñandú", "Ñ"),
        ("", "?"),
        ("(!)", "?"),
    ],
)
def test_an_avatar_shows_initials_until_there_is_a_picture(name, initials):
    avatar = rendered("{% avatar name %}", name=name)

    assert avatar.text == initials
    assert avatar.find("img") is None


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://secure.gravatar.com/avatar/1", True),
        ("http://example.com/a.png", False),
        ("javascript:alert(1)", False),
        ("//example.com/a.png", False),
        ("https://[broken", False),
    ],
)
def test_an_avatar_loads_pictures_over_https_only(url, shown):
    avatar = rendered("{% avatar 'Ana Lima' url=url %}", url=url)

    assert (avatar.find("img") is not None) == shown
    assert "AL" in avatar.text


def test_an_external_link_opens_a_tab_that_cannot_reach_back():
    link = rendered("{% external_link url 'Runbook' %}", url="https://example.com/?a=1&b=2").a

    assert link["href"] == "https://example.com/?a=1&b=2"
    assert link["target"] == "_blank"
    assert "noopener" in link["rel"]
    assert "(opens in a new tab)" in link.text


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", " javascript:alert(1)", "JaVaScRiPt:x", "data:text/html,x", "/x", ""],
)
def test_an_address_of_another_scheme_is_only_text(url):
    page = rendered("{% external_link url 'Runbook' %}", url=url)

    assert page.find("a") is None
    assert page.text == "Runbook"


def test_a_mail_address_opens_no_tab():
    link = rendered("{% external_link 'mailto:a@example.com' 'Ana' %}").a

    assert link["href"] == "mailto:a@example.com"
    assert not link.has_attr("target")


def test_a_panel_is_a_section_named_by_its_heading():
    section = rendered(
        "{% panel 'About this' tone='critical' actions=link %}<p>body</p>{% endpanel %}",
        link=Template("<a href='/x'>Edit</a>").render(Context()),
    ).section

    assert section["aria-labelledby"] == section.h2["id"]
    assert section.h2.text == "About this"
    assert section.find("a", href="/x").text == "Edit"
    assert section.find("p").text == "body"


@pytest.mark.parametrize(
    ("level", "tone"),
    [
        (levels.SUCCESS, "good"),
        (levels.WARNING, "warning"),
        (levels.ERROR, "critical"),
        (levels.INFO, "info"),
    ],
)
def test_a_message_has_the_tone_of_its_level_and_is_announced(level, tone):
    page = rendered(
        "{% include 'components/messages.html' %}", messages=[Message(level, "<b>Saved</b>")]
    )

    assert page.find(role="status").find(class_="notice")["data-tone"] == tone
    assert "<b>Saved</b>" in page.text


def test_an_empty_state_leads_on():
    page = rendered("{% empty_state 'No entity.' next='Show all' href='/catalog/' %}")

    assert page.find("a", href="/catalog/").text == "Show all"


class Form(forms.Form):
    description = forms.CharField(max_length=12, help_text="Say what is broken.")
    secret = forms.CharField(widget=forms.HiddenInput, required=False)
    agree = forms.BooleanField(required=False)
    urgency = forms.ChoiceField(choices=[("a", "A"), ("b", "B")], widget=forms.RadioSelect)


def test_a_field_ties_label_help_and_errors_to_its_input():
    form = Form({"description": "", "urgency": "a"})
    page = rendered("{% field form.description %}", form=form)
    control = page.find("input")

    assert page.label["for"] == control["id"]
    assert control["aria-invalid"] == "true"
    described = [page.find(id=name).text.strip() for name in control["aria-describedby"].split()]
    assert described == ["Say what is broken.", "This field is required."]


def test_a_limited_field_brings_a_counter_and_an_unlimited_one_does_not():
    form = Form()

    counter = rendered("{% field form.description %}", form=form).find(attrs={"data-counter": True})
    assert counter["data-max"] == "12"
    assert rendered("{% field form.agree %}", form=form).find(attrs={"data-counter": True}) is None


def test_a_hidden_field_is_only_its_input():
    page = rendered("{% field form.secret %}", form=Form())

    assert [tag.name for tag in page.find_all(True)] == ["input"]


def test_a_group_of_choices_is_a_fieldset_with_a_legend():
    page = rendered("{% field form.urgency %}", form=Form())

    assert page.fieldset.legend.text == "Urgency"
    assert len(page.fieldset.find_all("input", type="radio")) == 2


def test_pages_keep_the_rest_of_the_query():
    page_obj = Paginator(range(120), 50).get_page(2)
    page = rendered(
        "{% pagination page_obj %}", page_obj=page_obj, address="/?kind=api&q=a%26b&page=2"
    )

    assert "51\u2013100 of 120" in page.text
    assert page.find("a", rel="prev")["href"] == "?kind=api&q=a%26b&page=1"
    assert page.find("a", rel="next")["href"] == "?kind=api&q=a%26b&page=3"
    assert page.find("a", attrs={"aria-current": "page"}).text == "2"


def test_a_single_page_still_says_how_many_there_are():
    page = rendered("{% pagination page_obj %}", page_obj=Paginator(range(3), 50).get_page(1))

    assert page.text.strip() == "3 in all"
    assert page.find("a") is None
