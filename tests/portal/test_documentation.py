"""The documentation and the code name the same settings, and links between pages lead somewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
# The shell's and gunicorn's, not the portal's.
FOREIGN = {"PATH", "SCRIPT_NAME"}


def settings_read():
    read = re.compile(r"(?:\benv\.\w+|\bos\.environ\.get)\(\s*['\"]([A-Z_]+)['\"]")
    found = {
        name for path in (ROOT / "portal").glob("*.py") for name in read.findall(path.read_text())
    }
    return found - FOREIGN


def test_every_setting_is_documented_and_no_other():
    page = (ROOT / "docs/configuration.md").read_text()
    documented = re.findall(r"^\| `([A-Z_]+)` \|", page, re.MULTILINE)
    assert sorted(documented) == sorted(settings_read())


@pytest.mark.parametrize("document", PAGES, ids=[str(one.relative_to(ROOT)) for one in PAGES])
def test_links_between_pages_lead_to_files(document):
    links = re.findall(r"\]\(([^)\s]+)\)", document.read_text())
    targets = [link.partition("#")[0] for link in links if "://" not in link]
    missing = [one for one in targets if one and not (document.parent / one).exists()]
    assert missing == []
