"""What ``manage.py check`` says about the deployment."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core import checks

ROOT = Path(__file__).resolve().parents[2]


def found(*, deploy=False):
    messages = checks.run_checks(include_deployment_checks=deploy)
    assert all(one.hint for one in messages if (one.id or "").startswith("portal."))
    return {one.id: one for one in messages if (one.id or "").startswith("portal.")}


def test_the_defaults_are_fine():
    assert found() == {}


def test_an_empty_secret_key_is_an_error_everywhere(settings):
    settings.SECRET_KEY = ""
    assert "SECRET_KEY" in found()["portal.E001"].msg


def test_a_short_secret_key_is_an_error_everywhere(settings):
    settings.SECRET_KEY = "short"
    assert "5 characters" in found()["portal.E001"].msg


def test_debug_before_the_public_is_an_error(settings):
    settings.DEBUG = True
    settings.ALLOWED_HOSTS = ["localhost"]
    assert "portal.E002" not in found()
    settings.ALLOWED_HOSTS = ["localhost", "portal.example.com"]
    assert "portal.example.com" in found()["portal.E002"].msg


@pytest.mark.parametrize(
    ("url", "is_error"),
    [
        ("https://portal.example.com", False),
        ("http://[::1]:8000", False),
        ("http://127.0.0.1:8000", False),
        ("portal.example.com", True),
        ("ftp://portal.example.com", True),
        ("https://", True),
        ("https://portal.example.com/path", True),
        ("https://portal.example.com:port", True),
        ("https://[broken", True),
        ("", True),
    ],
)
def test_the_portals_address_must_be_one(settings, url, is_error):
    settings.ALLOWED_HOSTS = ["*"]
    settings.PORTAL_URL = url
    assert ("portal.E003" in found()) is is_error


def test_the_portals_own_host_must_be_allowed(settings):
    settings.PORTAL_URL = "https://portal.example.com"
    settings.ALLOWED_HOSTS = ["other.example.com"]
    assert "portal.example.com" in found()["portal.W002"].msg
    settings.ALLOWED_HOSTS = [".example.com"]
    assert found() == {}


def test_production_settings_pass_the_deployment_check_clean(tmp_path):
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "PORTAL_VAR_DIR": str(tmp_path),
            "SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
            "PORTAL_URL": "https://portal.example.com",
            "ALLOWED_HOSTS": "portal.example.com",
            "PAGERDUTY_TOKEN": "u+secrettoken0123456789",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    # Alone: the database is empty before the first ``prepare``.
    assert "portal.W005" in done.stderr
    assert "identified 1 issue (2 silenced)" in done.stderr


@pytest.mark.django_db
def test_a_database_that_others_may_read_is_an_error_in_production(settings, tmp_path, monkeypatch):
    database, key = tmp_path / "db.sqlite3", tmp_path / "key"
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", "django.db.backends.sqlite3")
    monkeypatch.setitem(settings.DATABASES["default"], "NAME", str(database))
    monkeypatch.setenv("SECRET_KEY_FILE", str(key))
    tmp_path.chmod(0o755)
    for path in (database, tmp_path / "db.sqlite3-wal", key):
        path.touch()
        path.chmod(0o600)
        assert "portal.E020" not in found(deploy=True)
        for mode in (0o640, 0o604):
            path.chmod(mode)
            assert f"{path}:" in found(deploy=True)["portal.E020"].msg
        path.chmod(0o600)
    key.chmod(0o644)
    tmp_path.chmod(0o700)  # nobody else comes so far
    assert "portal.E020" not in found(deploy=True)


@pytest.mark.parametrize(
    ("url", "is_named"),
    [
        ("redis://cache.example.com:6379/0", True),
        ("rediss://10.0.0.5/0", True),
        ("redis://:hunter2@cache.example.com:6379/0", False),
        ("redis://127.0.0.1:6379/0", False),
        ("redis://[::1]:6379/0", False),
        ("redis://localhost/0", False),
        ("unix:///run/redis.sock", False),
        ("", False),
    ],
)
def test_a_redis_elsewhere_without_a_password_is_named(settings, url, is_named):
    settings.REDIS_URL = url
    assert ("portal.W020" in found()) is is_named
