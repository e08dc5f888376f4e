"""How variables are read: what each kind of value may be, and what is in force after a mistake."""

import os
import re
from pathlib import Path

import pytest

from portal.environment import Environment, web_server

ROOT = Path(__file__).resolve().parents[2]


def mistakes(env):
    return [(one.variable, f"{one.text} {one.hint}") for one in env.mistakes]


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(
    ("written", "value"),
    [
        *((word, True) for word in ("true", "True", "TRUE", " on ", "yes", "Y", "1")),
        *((word, False) for word in ("false", "off", "No", "n", "0\n")),
        *((word, None) for word in ("ture", "maybe", "2", "-1", "oui", "t rue")),
    ],
)
def test_a_word_is_yes_or_no_or_the_strict_side_and_a_mistake(written, value, strict):
    env = Environment({"A": written})
    read = env.yes_or_no("A", default=not strict, strict=strict)
    assert read is (strict if value is None else value)
    assert bool(env.mistakes) is (value is None)
    for _, said in mistakes(env):
        assert repr(written) in said
        assert "true or false" in said


@pytest.mark.parametrize("blank", [{}, {"A": ""}, {"A": "  "}, {"A_FILE": " "}])
def test_a_blank_value_counts_as_none(blank):
    env = Environment(blank)
    assert env.yes_or_no("A", default=True, strict=False) is True
    assert env.number("A", 7, least=0, most=9) == 7
    assert env.words("A", ["x"]) == ["x"]
    assert env.choice("A", "keep", ("keep", "delete")) == "keep"
    assert env.redis("A") == ""
    assert env.text("A", "y") == "y"
    assert not env.is_given("A")
    assert env.mistakes == []


@pytest.mark.parametrize(
    ("written", "value"),
    [
        *((word, int(word)) for word in ("0", " 60", "+5", "86400", "007")),
        *((word, None) for word in ("2m", "1.5", "1e3", "1_000", "-1", "86401", "٣", "0x10")),
        ("9" * 5_000, None),
    ],
)
def test_a_number_is_whole_and_between_the_bounds(written, value):
    env = Environment({"A": written})
    assert env.number("A", 120, least=0, most=86_400, unit="seconds") == (
        120 if value is None else value
    )
    for _, said in mistakes(env):
        assert "of seconds from 0 to 86400" in said
        assert len(said) < 400
    assert bool(env.mistakes) is (value is None)


def test_a_list_of_hosts_has_names_and_addresses_as_an_address_has_them():
    env = Environment({"A": "*.Example.com:8443, a_b.example.com., [::1]:80, ::1"})
    assert env.hosts("A", []) == ["*.example.com:8443", "a_b.example.com", "[::1]:80", "[::1]"]
    assert not env.mistakes


def test_a_list_has_no_blanks_and_no_empty_words():
    assert Environment({"A": " a, b ,,c\n"}).words("A") == ["a", "b", "c"]


@pytest.mark.parametrize("written", ["debug", "DEBUG", " Debug "])
def test_a_choice_may_be_written_in_any_case(written):
    assert Environment({"A": written}).choice("A", "INFO", ("DEBUG", "INFO")) == "DEBUG"


@pytest.mark.parametrize(
    "written", ["Europe/Belin", "Europe", "../etc/passwd", "/etc/passwd", "x" * 999]
)
def test_a_time_zone_is_known_or_utc(written):
    env = Environment({"A": written})
    assert env.time_zone("A", "UTC") == "UTC"
    assert len(env.mistakes) == 1
    for one in ("Asia/Tokyo", " asia/tokyo"):
        assert Environment({"A": one}).time_zone("A", "UTC") == "Asia/Tokyo"


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("postgrs://u:hunter2@h/n", "begins with 'postgrs'"),
        ("mysql://u:hunter2@h/n", "begins with 'mysql'"),
        ("hunter2", "does not begin with"),
        ("u:hunter2@h:5432/n", "does not begin with"),
        ("postgres:/u:hunter2@h/n", "does not begin with"),
        ("postgres://u:hunter2@h:54x2/n", "port"),
        ("postgres://u:hunter2@h:99999/n", "port"),
        ("postgres://u:hunter2@h", "name of a database"),
        ("postgres://u:hunter2@h/", "name of a database"),
        ("postgres://u:hun/ter2@h/n", "port"),
        ("postgres://u:12/hunter2@h/n", "name of a database"),
        ("postgres://u:hunter2#1@h/n", "port"),
        ("postgres://[broken/n", "port"),
        ("sqlite://var/db.sqlite3", "three slashes"),
        ("sqlite:////nowhere/at/all.sqlite3", "not a folder"),
        ("sqlite:////tmp", "not a folder"),
    ],
)
def test_a_database_that_cannot_be_meant_is_none_and_its_password_is_not_shown(written, problem):
    env = Environment({"A": written})
    assert env.database("A", "sqlite://:memory:") == {"ENGINE": "django.db.backends.dummy"}
    ((_, said),) = mistakes(env)
    assert problem in said
    assert "hunter2" not in said
    assert "ter2" not in said


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("postgres://u:p%40ss@h:5432/n", "n"),
        ("postgresql://h/n?sslmode=require", "n"),
        ("postgres:///n", "n"),
        ("postgres://u@%2Frun%2Fpostgresql/n", "n"),
        ("sqlite:///relative.sqlite3", "relative.sqlite3"),
        ("sqlite:////tmp/with%20a%20blank.sqlite3", "/tmp/with a blank.sqlite3"),
        ("sqlite:////tmp/a+b.sqlite3", "/tmp/a+b.sqlite3"),
        ("postgres://u:p+p@h/a+b?sslmode=require", "a+b"),
        ("sqlite://:memory:", ":memory:"),
    ],
)
def test_a_database_that_is_right_is_read(written, name):
    env = Environment({"A": f" {written}\n"})
    assert env.database("A", "")["NAME"] == name
    assert env.mistakes == []


@pytest.mark.parametrize(
    "written",
    [
        *("cache:6379", "hunter2", ":hunter2@cache:6379/0", "http://:hunter2@cache:6379/0"),
        *("redis://:hunter2@cache:63x9/0", "redis://", "redis://:hunter2@cache/first"),
        "redis://:hunter2#@cache:6379/0",
    ],
)
def test_a_redis_that_cannot_be_meant_is_none_and_its_password_is_not_shown(written):
    env = Environment({"A": written})
    assert env.redis("A") == ""
    ((_, said),) = mistakes(env)
    assert "redis://" in said
    assert "hunter2" not in said


@pytest.mark.parametrize(
    "written",
    ["redis://cache", "redis://:p@cache:6379/0", "rediss://u:p@[::1]:6379/", "unix:///run/redis"],
)
def test_a_redis_that_is_right_is_read(written):
    env = Environment({"A": written})
    assert (env.redis("A"), env.mistakes) == (written, [])


def test_a_file_holds_the_value_without_the_line_break_and_wins(tmp_path):
    (tmp_path / "value").write_text("\ufefffrom file\r\n", encoding="utf-8")
    assert Environment({"A": "x", "A_FILE": f"{tmp_path}/value"}).text("A") == "from file"


@pytest.mark.parametrize("kind", ["missing", "folder", "binary", "under a file", "endless name"])
def test_a_file_that_cannot_be_read_is_a_mistake_of_its_own_variable(tmp_path, kind):
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "folder").mkdir()
    path = {"under a file": "binary/x", "endless name": "x" * 999}.get(kind, kind)
    env = Environment({"A_FILE": f"{tmp_path}/{path}", "A": "open"})
    assert env.yes_or_no("A", default=False, strict=True) is True
    assert env.number("A", 3, least=0, most=9) == 3
    assert env.words("A", strict=["nothing"]) == ["nothing"]
    assert env.text("A", "default") == "default"
    assert {name for name, _ in mistakes(env)} == {"A_FILE"}
    assert all(str(tmp_path) in said for _, said in mistakes(env))


@pytest.mark.parametrize("secret", ["u+hunter2hunter2", "hunter2/hunter2", "/hunter2/hunter2"])
def test_a_secret_in_the_place_of_its_path_is_not_shown(secret):
    env = Environment({"A_FILE": secret})
    assert env.text("A", is_secret=True) == ""
    ((name, said),) = mistakes(env)
    assert name == "A_FILE"
    assert "hunter2" not in said


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("PAGERDUTY_TOKN", "PAGERDUTY_TOKEN"),
        ("PAGERDUTY_TOKN_FILE", "PAGERDUTY_TOKEN_FILE"),
        ("pagerduty_token", "PAGERDUTY_TOKEN"),
        ("PORTAL_LOGIN_REQIRED", "PORTAL_LOGIN_REQUIRED"),
        ("CATALOG_LOCATION", "CATALOG_LOCATIONS"),
        ("WEB_CONCURRENCY", ""),
        ("WEB_WORKER", "WEB_WORKERS"),
        ("DATABASE_URI", "DATABASE_URL"),
        ("REDIS_HOST", "REDIS_URL"),
        ("SECERT_KEY", "SECRET_KEY"),
        ("LOG_LEVL", "LOG_LEVEL"),
        ("TIMEZONE", "TIME_ZONE"),
        ("ALLOWED_HOST", "ALLOWED_HOSTS"),
    ],
)
def test_a_misspelt_name_is_reported_with_the_nearest(name, nearest):
    env = read_all({name: "x"})
    ((found, near),) = env.misspellings()
    assert found == name
    assert near == nearest or not nearest


@pytest.mark.parametrize(
    "name",
    [
        *("PATH", "HOSTNAME", "TZ", "LOG_FORMAT", "POST", "DEBUGINFOD_URLS", "TEST_DATABASE_URL"),
        *("PORTAL_SERVICE_HOST", "PORTAL_SERVICE_PORT_HTTP", "PORTAL_PORT", "REDIS_PORT"),
        *("PORTAL_PORT_8000_TCP", "REDIS_PORT_6379_TCP_ADDR", "WEB_ENV_GPG_KEY"),
        *("PAGERDUTY_TOKEN", "PAGERDUTY_TOKEN_FILE", "HOST", "WEB_THREADS", "DATABASE_URL"),
    ],
)
def test_names_of_others_are_not_reported(name):
    assert read_all({name: "x"}).misspellings() == []


def read_all(variables):
    """Read the variables that the settings read, each as a text."""
    env = Environment(variables)
    for path in (ROOT / "portal/settings.py", ROOT / "portal/environment.py"):
        for name in re.findall(r"\benv\.\w+\(\s*\"([A-Z_]+)\"", path.read_text()):
            env.text(name)
    return env


def test_gunicorn_listens_where_it_is_told():
    read = web_server(Environment({"HOST": "::1", "PORT": "81", "WEB_WORKERS": "3"}))
    assert read == ("[::1]", 81, 3, 8)


@pytest.mark.parametrize(("processors", "workers"), [(1, 1), (2, 2), (4, 4), (64, 4)])
def test_a_web_process_for_each_processor_unless_told(monkeypatch, processors, workers):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(processors)))
    assert web_server(Environment({})).workers == workers


@pytest.mark.parametrize("host", ["0.0.0.0:8000", "http://localhost", "unix:/run/a", "a b"])
def test_gunicorn_does_not_listen_where_nothing_is(host):
    env = Environment({"HOST": host})
    web_server(env)
    ((name, said),) = mistakes(env)
    assert (name, repr(host) in said) == ("HOST", True)
