"""Taking the PagerDuty app out of INSTALLED_APPS leaves a whole portal."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings_without_pagerduty"}


def run(*command):
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


# An app shows itself in pages, in the admin and in commands; the rest of the catalog imports
# nothing of it, which `lint-imports` holds.
WHERE_IT_SHOWS = (
    *("admin", "cards", "entity_page", "facets", "home", "import", "issues_page", "locations"),
    *("quick_search", "register", "states"),
)


def test_the_catalogs_pages_pass_their_tests_without_the_card():
    done = run(
        "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", "--nomigrations",
        "--ds=tests.settings_without_pagerduty",
        *(f"tests/catalog/test_{name}.py" for name in WHERE_IT_SHOWS),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert " passed" in done.stdout


def test_no_check_fails_and_no_address_of_the_card_is_left():
    script = (
        "import django; django.setup()\n"
        "from django.core.management import call_command\n"
        "from django.urls import NoReverseMatch, reverse\n"
        "call_command('check')\n"
        "for name, parts in {\n"
        "    'pagerduty_card:card': ('default', 'component', 'x'),\n"
        "    'boards:incidents': (),\n"
        "    'boards:on-call': (),\n"
        "}.items():\n"
        "    try:\n"
        "        print(reverse(name, args=parts))\n"
        "    except NoReverseMatch:\n"
        "        print('gone')\n"
    )
    done = run("-c", script)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-3:] == ["gone"] * 3
