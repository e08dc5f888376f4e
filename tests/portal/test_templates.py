import re
from pathlib import Path

import pytest
from django.conf import settings
from django.template.loader import get_template, render_to_string

TEMPLATES = sorted(Path(settings.BASE_DIR / "templates").rglob("*.html")) + sorted(
    Path(settings.BASE_DIR / "templates").rglob("*.svg")
)
FORBIDDEN = {
    "an inline style": re.compile(r"\sstyle\s*=", re.IGNORECASE),
    "a style element": re.compile(r"<style\b", re.IGNORECASE),
    "a script without src": re.compile(r"<script\b(?![^>]*\bsrc=)", re.IGNORECASE),
    "an event handler": re.compile(r"<[^>]*\son[a-z]+\s*=\s*[\"']", re.IGNORECASE),
    "an htmx handler": re.compile(r"hx-on\b", re.IGNORECASE),
    "a javascript address": re.compile(r"(href|action|src)\s*=\s*[\"']?\s*javascript:", re.I),
    "an unescaped value": re.compile(r"\|\s*safe\b|autoescape\s+off"),
    "another site's file": re.compile(r"<(script|link|img)[^>]*(src|href)=[\"']https?:", re.I),
}


def name_of(path: Path) -> str:
    return str(path.relative_to(settings.BASE_DIR / "templates"))


@pytest.mark.parametrize("path", TEMPLATES, ids=name_of)
def test_holds_nothing_the_content_security_policy_forbids(path):
    source = re.sub(r"{% comment %}.*?{% endcomment %}", "", path.read_text(), flags=re.DOTALL)

    assert [what for what, pattern in FORBIDDEN.items() if pattern.search(source)] == []


@pytest.mark.parametrize("path", TEMPLATES, ids=name_of)
def test_compiles(path):
    assert get_template(name_of(path)).template.nodelist is not None


@pytest.mark.parametrize("path", TEMPLATES, ids=name_of)
def test_has_no_line_that_must_be_scrolled(path):
    assert [line for line in path.read_text().splitlines() if len(line) > 160] == []


@pytest.mark.parametrize("path", TEMPLATES, ids=name_of)
def test_names_each_search_since_every_page_has_another(path):
    assert not re.search(r'role="search"(?![^>]*aria-label=)', path.read_text())


COMPONENTS = sorted(Path(settings.BASE_DIR / "templates" / "components").glob("*.html"))


@pytest.mark.parametrize("path", COMPONENTS, ids=name_of)
def test_a_component_says_first_what_it_takes(path):
    assert re.match(r"{% comment %} \w+: \w+", path.read_text())


@pytest.mark.parametrize("code", ["400", "403", "404", "500"])
def test_an_error_page_needs_neither_request_nor_database(code):
    page = render_to_string(f"{code}.html")

    assert "<main" in page
    assert "<h1" in page


def test_the_guard_sees_what_it_is_there_for():
    bad = {
        "an inline style": '<p style="x">',
        "a style element": "<style>",
        "a script without src": "<script>x</script>",
        "an event handler": '<a onclick="x">',
        "an htmx handler": '<a hx-on:click="x">',
        "a javascript address": '<a href="javascript:x">',
        "an unescaped value": "{{ x|safe }}",
        "another site's file": '<script src="https://x">',
    }
    assert {what for what, sample in bad.items() if FORBIDDEN[what].search(sample)} == set(bad)
    assert not FORBIDDEN["a script without src"].search('<script type="module" src="x">')
