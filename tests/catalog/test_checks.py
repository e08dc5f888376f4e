import pytest
from django.core.checks import run_checks

from catalog.checks import (
    check_locations,
    check_reading_allow,
    check_refresh_token,
    check_registered_kinds,
)
from catalog.ingestion.allow import Allowance


def ids(messages):
    return [message.id for message in messages]


def test_accepts_sensible_settings(settings, tmp_path):
    settings.CATALOG_LOCATIONS = [str(tmp_path), f"{tmp_path}/*.yaml", "HTTPS://git.example.com/a"]
    settings.CATALOG_READING_ALLOW = [
        str(tmp_path),
        "git.example.com",
        "*.corp.example",
        "10.0.0.1",
    ]
    assert check_locations(None) == []
    assert check_reading_allow(None) == []


@pytest.mark.parametrize(
    ("locations", "allow", "found"),
    [
        (["ftp://git.example.com/a"], [], "catalog.E001"),
        (["https:///a.yaml"], [], "catalog.E001"),
        (["https://git.example.com:port/a"], [], "catalog.E001"),
        (["HTTPS://somebody@git.example.com/a"], [], "catalog.E001"),
        (["/no/such/file.yaml"], [], "catalog.W001"),
        (["{here}"], ["/no/such/folder"], "catalog.E002"),
    ],
)
def test_names_locations_that_cannot_work(settings, tmp_path, locations, allow, found):
    settings.CATALOG_LOCATIONS = [location.format(here=tmp_path) for location in locations]
    settings.CATALOG_READING_ALLOW = allow
    messages = check_locations(None)
    assert ids(messages) == [found]
    assert messages[0].hint
    assert "somebody" not in f"{messages[0].msg}{messages[0].hint}"


@pytest.mark.parametrize(
    ("place", "found"),
    [
        ("/no/such/people.yaml", "does not exist"),
        ("no/such/people.yaml", "does not exist"),
        ("examples/catalog", ""),
        ("git@github.com:acme/people", "cannot be read"),
        ("https://git.example.com/people.yaml", ""),
        ("{here}", ""),
    ],
)
def test_names_files_of_people_that_are_not_there(settings, tmp_path, place, found):
    settings.CATALOG_PEOPLE_LOCATIONS = [place.format(here=tmp_path)]
    messages = [one.msg for one in run_checks() if one.id == "catalog.W004"]
    assert [found in message for message in messages] == ([True] if found else [])


@pytest.mark.parametrize(
    "entry",
    [
        *("https://git.example.com", "a/b", "git.example.com:port", "git.*.com"),
        *("git.example.com:70000", "*.[::1]", "*"),
    ],
)
def test_names_entries_that_are_neither_host_nor_folder(settings, entry):
    settings.CATALOG_READING_ALLOW = [entry]
    assert ids(check_reading_allow(None)) == ["catalog.E003"]
    assert not Allowance.from_settings().permits_host("github.com") or entry == "*"


def test_the_defaults_of_refreshing_are_sensible():
    assert check_refresh_token(None) == check_registered_kinds(None) == []


@pytest.mark.parametrize(
    ("name", "value", "check", "found"),
    [
        ("CATALOG_REFRESH_TOKEN", "short", check_refresh_token, "catalog.W002"),
        ("CATALOG_REGISTERED_KINDS", ["component"], check_registered_kinds, "catalog.E006"),
        ("CATALOG_REGISTERED_KINDS", [""], check_registered_kinds, "catalog.E007"),
    ],
)
def test_names_settings_of_refreshing_that_cannot_work(settings, name, value, check, found):
    setattr(settings, name, value)
    (message,) = check(None)
    assert message.id == found
    assert message.hint
    assert "short" not in message.msg.replace("shorter", "")
