"""What the page of an entity says of its file: how old, unreadable or gone."""

import datetime as dt
import os

import pytest
import time_machine

from catalog.models import Entity
from tests.catalog.pages import texts
from tests.catalog.sources import component, imported, location, write
from tests.factories import make_user

pytestmark = pytest.mark.django_db
START = dt.datetime(2026, 11, 1, 9, 0, tzinfo=dt.UTC)


@pytest.fixture
def at():
    """Travel to a minute after the start."""
    with time_machine.travel(START, tick=False) as traveller:
        yield lambda minute: traveller.move_to(START + dt.timedelta(minutes=minute))


@pytest.fixture
def page(client):
    """The texts of an element of the page of a component."""
    client.force_login(make_user())

    def read(name, css, tab=""):
        found = client.get(Entity.objects.get(name=name).get_absolute_url() + tab)
        return " ".join(texts(found, css)).replace("\xa0", " ")

    return read


@pytest.mark.parametrize("is_broken_before", [True, False])
def test_an_entity_says_that_its_file_is_gone_and_since_when(tmp_path, at, page, is_broken_before):
    write(tmp_path / "all.yaml", location(*(["./never-was.yaml"] if is_broken_before else [])))
    write(tmp_path / "a.yaml", component("a"))
    file = write(tmp_path / "b.yaml", component("b"))
    imported(tmp_path)
    write(tmp_path / "all.yaml", location("./never-was.yaml"))
    file.unlink()
    at(10)
    imported(tmp_path)
    at(15)
    imported(tmp_path)
    at(20)
    notice = page("b", ".notice")
    assert f"Its file {file} is gone" in notice
    assert "found 10 minutes ago" in notice
    assert "its file is gone, found so 10 minutes ago" in page("b", "#about")
    assert "Its file is gone" in page("b", ".notice", "inspect/")
    assert "Read 5 minutes ago" in page("a", "#about")
    assert "Last read 5 minutes ago" in page("a", "#provenance", "inspect/")


def test_a_file_that_cannot_be_read_is_as_old_as_its_last_reading(tmp_path, at, page):
    write(tmp_path / "a.yaml", component("a"))
    file = write(tmp_path / "b.yaml", component("b"))
    imported(tmp_path)
    at(10)
    imported(tmp_path)
    file.unlink()
    os.mkfifo(file)
    for minute in (20, 30):
        at(minute)
        imported(tmp_path)
    at(40)
    assert "Read 10 minutes ago" in page("a", "#about")
    assert "Read 30 minutes ago; its file could not be read since" in page("b", "#about")
    file.unlink()
    write(file, component("b"))
    imported(tmp_path)
    assert "Read now" in page("b", "#about")
    assert "could not be read" not in page("b", "#about")


def test_an_orphan_is_marked_in_the_index(tmp_path, client):
    write(tmp_path / "a.yaml", component("a"))
    file = write(tmp_path / "b.yaml", component("b"))
    imported(tmp_path)
    file.unlink()
    imported(tmp_path)
    client.force_login(make_user())
    rows = texts(client.get("/catalog/"), "tbody tr")
    assert ["orphan" in row for row in rows] == [False, True]
