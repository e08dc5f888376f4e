import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from django.contrib.auth import get_user_model
from django.contrib.staticfiles import finders
from django.urls import reverse

from tests.pages import soup_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader(client):
    client.force_login(get_user_model().objects.create_user("reader"))
    return client


def test_shows_every_icon_of_the_sprite_and_every_state(reader):
    page = reader.get(reverse("styleguide")).text

    sprite = Path(finders.find("img/icons.svg")).read_text()
    for name in re.findall(r'symbol id="([^"]+)"', sprite):
        assert f"icons.svg#{name}" in page
    for state in ("ALARM", "WARNING", "OK", "MAINTENANCE", "DISABLED", "UNKNOWN"):
        assert state in page


def test_no_two_elements_share_an_id(reader):
    soup = BeautifulSoup(reader.get(reverse("styleguide")).text, "html.parser")
    for template in soup.find_all("template"):
        template.decompose()
    ids = [tag["id"] for tag in soup.find_all(id=True)]

    assert sorted(ids) == sorted(set(ids))


def test_every_label_description_and_popover_points_at_something(reader):
    soup = soup_of(reader.get(reverse("styleguide")))
    ids = {tag["id"] for tag in soup.find_all(id=True)}
    for attribute in ("for", "aria-labelledby", "aria-describedby", "popovertarget", "commandfor"):
        for tag in soup.find_all(attrs={attribute: True}):
            assert set(tag[attribute].split()) <= ids, tag
    assert [
        tag for tag in soup.find_all(re.compile("^h[1-6]$")) if not tag.get_text().strip()
    ] == []


def test_the_frame_signs_out_by_post_and_leads_staff_to_the_admin(client, reader):
    soup = soup_of(reader.get(reverse("styleguide")))
    form = soup.find("form", action=reverse("sign-out"))
    assert form["method"] == "post"
    assert form.find("input", attrs={"name": "csrfmiddlewaretoken"})
    assert soup.find("a", href=reverse("admin:index")) is None

    client.force_login(get_user_model().objects.create_user("admin", is_staff=True))
    assert reverse("admin:index") in client.get(reverse("styleguide")).text


def test_the_frame_marks_where_the_reader_is(reader):
    soup = soup_of(reader.get(reverse("catalog:index")))

    current = soup.select("nav.site-nav a[aria-current]")
    assert [link.text.strip() for link in current] == ["Catalog"]


@pytest.mark.parametrize(
    ("cookie", "theme"), [("dark", "dark"), ("light", "light"), ("auto", None), ('"><b>', None)]
)
def test_the_theme_is_drawn_by_the_server_from_the_cookie(reader, cookie, theme):
    reader.cookies["theme"] = cookie
    html = soup_of(reader.get(reverse("styleguide"))).html

    assert html.get("data-theme") == theme


def test_a_page_that_is_not_there_still_has_the_frame_and_a_way_on(reader):
    answer = reader.get("/no/such/page/")

    assert answer.status_code == 404
    assert reverse("catalog:index") in answer.text
    assert 'id="main"' in answer.text


def test_the_sign_in_page_asks_for_name_and_password_and_keeps_the_way_back(client):
    soup = soup_of(client.get(reverse("sign-in"), {"next": "/catalog/"}))

    assert soup.find("input", attrs={"name": "next"})["value"] == "/catalog/"
    assert soup.find("input", id="id_password")["autocomplete"] == "current-password"
    assert soup.find("nav", class_="site-nav") is None


def test_a_wrong_password_is_said_in_words_and_the_name_stays(client):
    page = client.post(reverse("sign-in"), {"username": "ana", "password": "wrong"}).text

    assert "correct username and password" in page
    assert 'value="ana"' in page


@pytest.mark.parametrize(
    ("name", "chosen", "kept"),
    [
        ("theme", "dark", "dark"),
        ("theme", "light", "light"),
        ("theme", "", ""),
        ("shortcuts", "off", "off"),
        ("shortcuts", "", ""),
    ],
)
def test_a_preference_is_chosen_without_javascript_and_leads_back(reader, name, chosen, kept):
    reader.cookies[name] = "dark"
    answer = reader.post(reverse("preference"), {name: chosen, "next": "/styleguide/?page=2"})

    assert (answer.status_code, answer["Location"]) == (303, "/styleguide/?page=2")
    assert {key: one.value for key, one in answer.cookies.items()} == {name: kept}


@pytest.mark.parametrize("page", ["https://example.com/", "//example.com", "javascript:x", ""])
def test_choosing_a_theme_leads_to_no_other_site(reader, page):
    answer = reader.post(reverse("preference"), {"theme": "dark", "next": page})

    assert answer["Location"] == "/"
