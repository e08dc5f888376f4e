"""Taking the PagerDuty app out of INSTALLED_APPS leaves a whole portal."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Tests of what others add to pages; an app shows itself there, in the admin and in commands. The
# rest of the catalog imports nothing of it, which `lint-imports` holds.
TESTS = (
    "tests/without_pagerduty.py",
    *(
        f"tests/catalog/test_{name}.py"
        for name in ("cards", "issues_page", "quick_search", "register")
    ),
)


def test_the_portal_is_whole_without_the_card():
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly"),
            *("-p", "no:xdist", "-p", "no:playwright", "--nomigrations"),
            "--ds=tests.settings_without_pagerduty",
            *TESTS,
        ],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings_without_pagerduty"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
