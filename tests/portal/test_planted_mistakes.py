"""Mistakes that people make when they install the portal: each is named, with what to do.

A row is a variable, what is wrongly written in it, and the words that must be reported.
"""

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.checks import Error
from django.core.checks.registry import registry

pytestmark = pytest.mark.django_db  # a check looks for accounts that the sandbox made
ROOT = Path(__file__).resolve().parents[2]
PRODUCTION = {
    "SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "PORTAL_URL": "https://portal.example.com",
    "ALLOWED_HOSTS": "portal.example.com",
    "PAGERDUTY_TOKEN": "u+secrettoken0123456789",
}
SECRETS = ("secrettoken", "hunter2", PRODUCTION["SECRET_KEY"])
# What other settings are made of by Django, and what tests need as it is.
STRUCTURE = {
    *("AUTHENTICATION_BACKENDS", "CACHES", "DATABASES", "HUEY", "INSTALLED_APPS", "LOGGING"),
    *("MIDDLEWARE", "SESSION_ENGINE", "STORAGES", "TASKS", "TEMPLATES"),
}


@pytest.fixture
def check(settings, monkeypatch, tmp_path):
    """Load the product's settings with the given variables, and return what the checks report."""

    def run(variables):
        for name in set(os.environ) - {"DJANGO_ALLOW_ASYNC_UNSAFE"}:  # of the browser's tests
            monkeypatch.delenv(name)
        wanted = {**PRODUCTION, "PORTAL_VAR_DIR": str(tmp_path), **variables}
        for name, value in wanted.items():
            if value is not None:
                monkeypatch.setenv(name, value.replace("{tmp}", str(tmp_path)))
        loaded = runpy.run_path(str(ROOT / "portal/settings.py"))
        for name, value in loaded.items():
            if name.isupper() and name not in STRUCTURE:
                setattr(settings, name, value)
        own = ("portal.", "catalog.", "pagerduty_card.")
        return loaded, [
            message
            for one in registry.get_checks(include_deployment_checks=True)
            if one.__module__.startswith(own)
            for message in one(app_configs=None, databases=None)
        ]

    return run


def test_nothing_is_reported_where_nothing_is_wrong(check):
    assert check({})[1] == []


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"PORTAL_LOGIN_REQUIRED": "ture"}, "PORTAL_LOGIN_REQUIRED 'ture' true or false"),
        ({"PORTAL_BEHIND_PROXY": "ture"}, "PORTAL_BEHIND_PROXY 'ture' true or false"),
        ({"DEBUG": "fales"}, "DEBUG 'fales' true or false"),
        ({"SECURE_SSL_REDIRECT": "of"}, "SECURE_SSL_REDIRECT 'of' true or false"),
        ({"PAGERDUTY_SANDBOX": "ja"}, "PAGERDUTY_SANDBOX 'ja' true or false"),
        ({"PAGERDUTY_TRIGGER_OWNERS_ONLY": "owners"}, "PAGERDUTY_TRIGGER_OWNERS_ONLY 'owners'"),
        ({"SECRET_KEY": None}, "SECRET_KEY token_urlsafe"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY 5 characters token_urlsafe"),
        ({"SECRET_KEY_FILE": "{tmp}/missing"}, "SECRET_KEY_FILE {tmp}/missing no such file"),
        ({"PAGERDUTY_TOKEN_FILE": "{tmp}"}, "PAGERDUTY_TOKEN_FILE {tmp} is a directory"),
        ({"PAGERDUTY_TOKEN": '"u+secrettoken"'}, "PAGERDUTY_TOKEN quote marks without them"),
        ({"PAGERDUTY_WEBHOOK_SECRETS": "a, 'hunter2hunter2hunter2'"}, "WEBHOOK_SECRETS quote"),
        ({"PORTAL_VAR_DIR": '"{tmp}"'}, "PORTAL_VAR_DIR '\"{tmp}\"', quote marks without them"),
        ({"SECRET_KEY": f"'{PRODUCTION['SECRET_KEY']}'"}, "SECRET_KEY quote marks"),
        ({"PAGERDUTY_TOKEN": "0123456789abcdef" * 2}, "PAGERDUTY_TOKEN integration key REST API"),
        ({"PAGERDUTY_TOKEN": "/run/secrets/pd"}, "PAGERDUTY_TOKEN path PAGERDUTY_TOKEN_FILE"),
        ({"PAGERDUTY_TOKEN": "<your-token>"}, "PAGERDUTY_TOKEN example Make REST API key"),
        ({"PAGERDUTY_TOKEN": "pdeu+secrettoken01"}, "PAGERDUTY_TOKEN region eu PAGERDUTY_REGION"),
        (
            {"PAGERDUTY_ACCOUNTS": "[{name: b, region: eu, token: pdus+secrettoken01}]"},
            "token account 'b' region us",
        ),
        ({"PAGERDUTY_TOKEN": "u+secret token"}, "PAGERDUTY_TOKEN Copy the token again"),
        ({"PAGERDUTY_TOKEN": None}, "PAGERDUTY_TOKEN"),
        ({"PAGERDUTY_TOKN": "u+secrettoken"}, "PAGERDUTY_TOKN Rename it to PAGERDUTY_TOKEN"),
        ({"PORTAL_LOGIN_REQUIERD": "true"}, "Rename it to PORTAL_LOGIN_REQUIRED"),
        ({"PAGERDUTY_REGION": "asia"}, "PAGERDUTY_REGION 'asia' eu or us"),
        ({"PAGERDUTY_API_BASE_URL": "http://api.pagerduty.com"}, "PAGERDUTY_API_BASE_URL https"),
        (
            {"PAGERDUTY_API_BASE_URL": "https://x.pagerduty.com/api"},
            "PAGERDUTY_API_BASE_URL Write https://api.pagerduty.com",
        ),
        (
            {"PAGERDUTY_EVENTS_BASE_URL": "https://x.pagerduty.com/events"},
            "PAGERDUTY_EVENTS_BASE_URL Write https://events.pagerduty.com",
        ),
        (
            {"PAGERDUTY_EVENTS_BASE_URL": "https://events.eu.pagerduty.com"},
            "https://events.eu.pagerduty.com region us eu PAGERDUTY_REGION unset",
        ),
        (
            {"PAGERDUTY_API_BASE_URL": "https://api.pagerduty.com", "PAGERDUTY_REGION": "eu"},
            "https://api.pagerduty.com region PAGERDUTY_REGION PAGERDUTY_API_BASE_URL unset",
        ),
        ({"PAGERDUTY_API_BASE_URL": "https://relay:99999"}, "PAGERDUTY_API_BASE_URL port 65535"),
        ({"REDIS_URL": "redis://cache:6379/0?socket_timeout=2s"}, "REDIS_URL option"),
        ({"REDIS_URL": "redis://cache:6379/0?timeout=2"}, "REDIS_URL option"),
        ({"REDIS_URL": "redis://cache.example.com:6379/0"}, "REDIS_URL password"),
        ({"PAGERDUTY_SANDBOX": "on"}, "PAGERDUTY_SANDBOX PAGERDUTY_TOKEN Remove one"),
        (
            {"PAGERDUTY_SANDBOX": "on", "PAGERDUTY_TOKEN": None},
            "portal.example.com PAGERDUTY_SANDBOX=false",
        ),
        (
            {"PAGERDUTY_WEBHOOK_SECRETS": "x"},
            "PAGERDUTY_WEBHOOK_SECRETS secret 1 shorter than 16 Copy",
        ),
        ({"PAGERDUTY_ACCOUNTS": "- name: [eu"}, "PAGERDUTY_ACCOUNTS line 1"),
        ({"PAGERDUTY_ACCOUNTS": "[{name: eu, tokn: x}]"}, "Account 'eu' unknown field 'tokn'"),
        (
            {"PAGERDUTY_ACCOUNTS": "[{name: eu, token: hunter2, token: hunter2}]"},
            "PAGERDUTY_ACCOUNTS key twice line 1",
        ),
        ({"PAGERDUTY_ACCOUNTS": "[" * 600}, "PAGERDUTY_ACCOUNTS nested too deeply"),
        ({"PAGERDUTY_ACCOUNTS": "hunter2"}, "PAGERDUTY_ACCOUNTS cannot be read"),
        ({"PAGERDUTY_ACCOUNTS": "{tmp}/accounts.yaml"}, "PAGERDUTY_ACCOUNTS {tmp}/accounts.yaml"),
        ({"PAGERDUTY_ACCOUNTS": "[{name: eu, token_file: {tmp}/t}]"}, "token_file eu"),
        ({"PORTAL_URL": "portal.example.com"}, "PORTAL_URL 'portal.example.com' https://"),
        ({"PORTAL_URL": "http://portal.example.com"}, "PORTAL_URL http:// TLS https://"),
        ({"PORTAL_URL": "https://portal.example.com/x"}, "PORTAL_URL cannot run under a path"),
        ({"PORTAL_URL": "https://portal example.com"}, "PORTAL_URL address of a site"),
        ({"PORTAL_URL": "https://u:hunter2@portal.example.com"}, "PORTAL_URL address of a site"),
        ({"PAGERDUTY_TOKEN_FILE": "{tmp}/t"}, "PAGERDUTY_TOKEN_FILE both set Remove"),
        ({"PAGERDUTY_SANDBOX_URL": "https://["}, "PAGERDUTY_SANDBOX_URL host Write"),
        ({"PORTAL_URL": "https://["}, "PORTAL_URL address of a site"),
        ({"PORTAL_VAR_DIR": "x" * 999}, "PORTAL_VAR_DIR belongs to the user"),
        ({"PORTAL_VAR_DIR": "\udcff"}, "PORTAL_VAR_DIR UTF-8"),
        ({"SECRET_KEY_FILE": "x" * 999}, "SECRET_KEY_FILE file name too long"),
        ({"HOST": "0.0.0.0:80"}, "HOST '0.0.0.0:80' PORT"),
        ({"HOST": "127.0.0.256"}, "HOST '127.0.0.256' PORT"),
        ({"GUNICORN_CMD_ARGS": "-b :9"}, "GUNICORN_CMD_ARGS --bind HOST PORT"),
        ({"GUNICORN_CMD_ARGS": "--bin=:9"}, "GUNICORN_CMD_ARGS --bind HOST PORT"),
        ({"GUNICORN_CMD_ARGS": "--daem"}, "GUNICORN_CMD_ARGS --daemon would break how Remove"),
        ({"PORTAL_PICTURE_HOSTS": "https://a.example.com"}, "PORTAL_PICTURE_HOSTS host name"),
        ({"PORTAL_PICTURE_HOSTS": "a.example.com:99999"}, "PORTAL_PICTURE_HOSTS :99999 65535"),
        ({"PORTAL_PICTURE_HOSTS": "a.example.com:0"}, "PORTAL_PICTURE_HOSTS :0 65535"),
        ({"PORTAL_PICTURE_HOSTS": "a.example.com, *"}, "PORTAL_PICTURE_HOSTS '*'"),
        ({"PORTAL_PICTURE_HOSTS": "*;script-src"}, "PORTAL_PICTURE_HOSTS '*;script-src'"),
        ({"PORTAL_NAME": "Acme\nportal"}, "PORTAL_NAME 'Acme\\nportal' control one line"),
        ({"PORTAL_NAME": "Acme \x1b[31m"}, "PORTAL_NAME \\x1b one line"),
        ({"SCRIPT_NAME": "/portal"}, "SCRIPT_NAME '/portal' cannot run under a path"),
        ({"PORTAL_URL": "https://other.example.com"}, "other.example.com ALLOWED_HOSTS"),
        ({"PORTAL_URL": None}, "PORTAL_URL is not set https://portal.example.com"),
        ({"ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS '*' List the names"),
        ({"ALLOWED_HOSTS": None}, "portal.example.com ALLOWED_HOSTS"),
        ({"ALLOWED_HOSTS": "https://portal.example.com"}, "ALLOWED_HOSTS without https://"),
        ({"ALLOWED_HOSTS": "portal.example.com:443"}, "ALLOWED_HOSTS port"),
        ({"ALLOWED_HOSTS": "portal.example.com b"}, "ALLOWED_HOSTS commas"),
        ({"DEBUG": "on"}, "DEBUG portal.example.com DEBUG=False"),
        ({"DATABASE_URL": "postgrs://u:hunter2@h/n"}, "DATABASE_URL 'postgrs' postgres://"),
        ({"DATABASE_URL": "sqlite:////no/where.sqlite3"}, "DATABASE_URL /no not a folder"),
        ({"REDIS_URL": "cache:6379"}, "REDIS_URL redis://"),
        ({"REDIS_URL": "http://cache:6379"}, "REDIS_URL 'http' redis://"),
        ({"PORTAL_VAR_DIR": "/dev/null/var"}, "PORTAL_VAR_DIR '/dev/null/var' belongs to the user"),
        ({"CATALOG_LOCATIONS": "{tmp}/a.yaml"}, "CATALOG_LOCATIONS {tmp}/a.yaml does not exist"),
        ({"CATALOG_LOCATIONS": "a.yaml;b.yaml"}, "{root}/a.yaml;b.yaml does not exist"),
        ({"CATALOG_LOCATIONS": "https:///a.yaml"}, "CATALOG_LOCATIONS https:///a.yaml name host"),
        ({"CATALOG_LOCATIONS": "https://a:b/c.yaml"}, "CATALOG_LOCATIONS https://a:b port"),
        ({"CATALOG_LOCATIONS": "https://["}, "CATALOG_LOCATIONS https://[ host"),
        (
            {"CATALOG_LOCATIONS": "https://u:hunter2@git.example.com/c.yaml"},
            "CATALOG_LOCATIONS git.example.com user name CATALOG_HOST_TOKENS",
        ),
        ({"CATALOG_LOCATIONS": "git@github.com:a/b.git"}, "git@github.com:a/b.git https://"),
        ({"CATALOG_READING_ALLOW": "/no/where"}, "CATALOG_READING_ALLOW /no/where Correct"),
        ({"CATALOG_READING_ALLOW": "a.example.com:99999"}, "CATALOG_READING_ALLOW :99999 host"),
        ({"CATALOG_GIT_HOSTS": "a=github, a=gitlab"}, "CATALOG_GIT_HOSTS entry 2 a Remove one"),
        ({"CATALOG_HOST_TOKENS": "a=b secrettoken"}, "CATALOG_HOST_TOKENS entry 1 blank Copy"),
        ({"CATALOG_REFRESH_TOKEN": "é" * 30}, "CATALOG_REFRESH_TOKEN ASCII token_hex"),
        ({"CATALOG_PEOPLE_NAMESPACE": "my team"}, "CATALOG_PEOPLE_NAMESPACE 'my team' default"),
        ({"CATALOG_PEOPLE_LOCATIONS": "no.yaml"}, "CATALOG_PEOPLE_LOCATIONS no.yaml not exist"),
        ({"CSRF_TRUSTED_ORIGINS": "a.example.com"}, "CSRF_TRUSTED_ORIGINS PORTAL_URL"),
        ({"DJANGO_SECRET_KEY": "hunter2"}, "DJANGO_SECRET_KEY Rename SECRET_KEY"),
        ({"SESSION_COOKIE_AGE": "9"}, "SESSION_COOKIE_AGE Rename PORTAL_SESSION_HOURS"),
        ({"CATALOG_REFRESH_S": "2m"}, "CATALOG_REFRESH_S '2m' seconds 120"),
        ({"CATALOG_REFRESH_S": "-1"}, "CATALOG_REFRESH_S '-1' out of range seconds from 0"),
        ({"CATALOG_ORPHANS": "remove"}, "CATALOG_ORPHANS 'remove' keep, delete"),
        ({"TIME_ZONE": "Europe/Belin"}, "TIME_ZONE 'Europe/Belin' Europe/Berlin"),
        ({"LOG_LEVEL": "VERBOSE"}, "LOG_LEVEL 'VERBOSE' INFO"),
        ({"WEB_WORKERS": "auto"}, "WEB_WORKERS 'auto' processes from 1"),
        ({"WEB_WORKERS": "0"}, "WEB_WORKERS '0' processes from 1"),
        ({"WEB_THREADS": "1.5"}, "WEB_THREADS '1.5' threads"),
        ({"PORT": "80a"}, "PORT '80a' 65535"),
        ({"SANDBOX_PORT": "99999"}, "SANDBOX_PORT '99999' 65535"),
        ({"SECURE_HSTS_SECONDS": "1y"}, "SECURE_HSTS_SECONDS '1y' seconds"),
    ],
)
def test_a_mistake_is_named_with_what_to_do(check, tmp_path, variables, words):
    _, messages = check(variables)
    places = {str(tmp_path): "{tmp}", str(ROOT): "{root}"}
    said = [f"{one.msg} {one.hint}" for one in messages]
    for path, place in places.items():
        said = [one.replace(path, place) for one in said]
    assert any(all(word in one for word in words.split(" ")) for one in said), said
    assert not any(secret in one for one in said for secret in SECRETS)
    assert all(one.hint for one in messages)


@pytest.mark.parametrize("variables", [{"SECRET_KEY": None}, {"SECRET_KEY": "'short'"}])
def test_a_missing_secret_key_is_reported_once(variables, tmp_path):
    environment = {**PRODUCTION, "PORTAL_VAR_DIR": str(tmp_path), **variables}
    ended = subprocess.run(
        [
            sys.executable,
            "manage.py",
            "check",
            "--deploy",
            "--tag",
            "security",
            "--tag",
            "environment",
        ],
        cwd=ROOT,
        env={name: value for name, value in environment.items() if value is not None},
        capture_output=True,
        text=True,
        check=False,
    )
    reported = [one for one in ended.stderr.splitlines() if one.startswith("?: ")]
    assert len(reported) == 1, ended.stderr
    assert ") SECRET_KEY " in reported[0]


@pytest.mark.parametrize(
    ("name", "setting", "strict"),
    [
        ("PORTAL_LOGIN_REQUIRED", "PORTAL_LOGIN_REQUIRED", True),
        ("PAGERDUTY_TRIGGER_OWNERS_ONLY", "PAGERDUTY_TRIGGER_OWNERS_ONLY", True),
        ("SECURE_SSL_REDIRECT", "SECURE_SSL_REDIRECT", True),
        ("PAGERDUTY_SANDBOX", "PAGERDUTY_SANDBOX", False),
        ("DEBUG", "DEBUG", False),
        ("PORTAL_BEHIND_PROXY", "SECURE_PROXY_SSL_HEADER", None),
        ("DATABASE_URL", "DATABASES", {"default": {"ENGINE": "django.db.backends.dummy"}}),
    ],
)
def test_the_strict_side_holds_and_is_an_error(check, name, setting, strict):
    loaded, messages = check({name: "ture"})
    assert loaded.get(setting) == strict
    assert any(isinstance(one, Error) and name in one.msg for one in messages)


@pytest.mark.parametrize(
    "variables",
    [
        {"LOG_LEVEL": "debug"},
        {"TIME_ZONE": "utc"},
        {"PORTAL_URL": "HTTPS://Portal.example.com"},
        {"PORTAL_LOGIN_REQUIRED": " on "},
        {"WEB_WORKERS": " 1\n"},
        {"PORTAL_URL": "https://portal.example.com/ "},
        {"ALLOWED_HOSTS": " portal.example.com, [::1] ,"},
        {"PAGERDUTY_API_BASE_URL": "https://api.pagerduty.com/"},
        {"PAGERDUTY_EVENTS_BASE_URL": "https://events.pagerduty.com"},
        {"PORTAL_SERVICE_HOST": "10.0.0.1", "PORTAL_PORT_80_TCP": "tcp://10.0.0.1:80"},
    ],
)
def test_what_is_meant_without_doubt_is_read(check, variables):
    assert check(variables)[1] == []


def test_an_address_in_capitals_is_https_all_the_same(check):
    loaded, _ = check({"PORTAL_URL": "HTTPS://Portal.example.com"})
    assert loaded["SESSION_COOKIE_SECURE"] is True


def test_the_web_process_does_not_start_and_says_the_same(settings, capsys):
    settings.SECRET_KEY = "short"
    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(str(ROOT / "portal/wsgi.py"))
    assert stopped.value.code == 3  # with which gunicorn ends, instead of trying again
    assert "SECRET_KEY has 5 characters" in capsys.readouterr().err


def test_gunicorn_does_not_start_and_says_the_same(monkeypatch):
    monkeypatch.setenv("WEB_WORKERS", "auto")
    with pytest.raises(SystemExit, match=r"WEB_WORKERS is 'auto'.*from 1 to 256"):
        runpy.run_path(str(ROOT / "portal/gunicorn.py"))
