"""A production installation leaves the folders of the sandbox and the tests out."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("manage.py", "portal", "catalog", "pagerduty_card", "templates", "static")
# The suite's own settings are the one module of the product that names the tests.
CHECK_AND_IMPORT_ALL = """
import pkgutil
from importlib import import_module

from django.core.management import execute_from_command_line
from django.test import Client
from django.utils.module_loading import autodiscover_modules

execute_from_command_line(["manage.py", "check"])
autodiscover_modules("tasks")
import_module("portal.wsgi")
print(Client().get("/healthz/live", headers={"host": "localhost"}).status_code)
for app in ("portal", "catalog", "pagerduty_card"):
    for found in pkgutil.walk_packages(import_module(app).__path__, f"{app}."):
        if found.name != "portal.settings_test":
            import_module(found.name)
for left_out in ("sandbox", "tests"):
    try:
        import_module(left_out)
    except ModuleNotFoundError:
        print("without", left_out)
"""


@pytest.fixture(scope="module")
def installation(tmp_path_factory):
    """A copy of the product without what production does not need."""
    folder = tmp_path_factory.mktemp("installation")
    for name in PARTS:
        if (source := ROOT / name).is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder)
    return folder


def run(installation, *command, **settings):
    kept = {name: value for name, value in os.environ.items() if "PAGERDUTY" not in name}
    for name in ("DATABASE_URL", "REDIS_URL", "PYTHONPATH"):
        kept.pop(name, None)
    return subprocess.run(
        [sys.executable, *command],
        cwd=installation,
        env={
            **kept,
            "DJANGO_SETTINGS_MODULE": "portal.settings",
            "SECRET_KEY": "x" * 50,
            "PORTAL_VAR_DIR": str(installation / "var"),
            **settings,
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_no_check_misses_them_and_the_web_process_the_worker_and_every_module_start(installation):
    done = run(installation, "-c", CHECK_AND_IMPORT_ALL, PAGERDUTY_TOKEN="a-token-of-twenty-ch")
    assert done.returncode == 0, done.stderr
    checked, *rest = done.stdout.splitlines()
    assert "no issues" in checked
    assert rest == ["200", "without sandbox", "without tests"]


def test_a_sandbox_that_is_switched_on_is_missed(installation):
    done = run(installation, "manage.py", "check", PAGERDUTY_SANDBOX="true")
    assert done.returncode == 0
    assert "pagerduty_card.W003" in done.stderr
