import gzip
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.test import override_settings

from portal import static_files
from portal.templatetags import ui
from tests.factories import make_entity, make_user

STATIC = Path(settings.BASE_DIR / "static")
MANIFEST_STORAGE = "whitenoise.storage.CompressedManifestStaticFilesStorage"


def text_of(*patterns: str) -> list[str]:
    return [path.read_text() for pattern in patterns for path in sorted(STATIC.rglob(pattern))]


@pytest.fixture
def collected(tmp_path):
    storages = {**settings.STORAGES, "staticfiles": {"BACKEND": MANIFEST_STORAGE}}
    with override_settings(STATIC_ROOT=tmp_path, STORAGES=storages, WHITENOISE_AUTOREFRESH=False):
        # No page of the portal links to these, and to compress them takes long.
        unused = ["admin", "ext", "htmax-*", "htmx-?.js"]
        call_command("collectstatic", verbosity=0, interactive=False, ignore_patterns=unused)
        ui._symbol.cache_clear()  # drawn by an earlier test, with unhashed addresses
        yield tmp_path
    ui._symbol.cache_clear()


@pytest.mark.parametrize("path", sorted(STATIC.rglob("*.css")), ids=lambda path: path.name)
def test_a_stylesheet_stays_in_its_layer_and_fetches_nothing(path):
    text = path.read_text()

    assert "@import" not in text
    assert "url(" not in text
    assert re.search(r"^@layer [a-z]+ {", text, re.MULTILINE)
    assert text.count("{") == text.count("}")
    assert not re.search(r"(^|[\s,])#[a-z][\w-]*\s*[{,]", text), "no ids in selectors"


@pytest.mark.parametrize("path", sorted(STATIC.rglob("*.css")), ids=lambda path: path.name)
def test_a_stylesheet_uses_only_tokens_that_exist(path):
    everything = "".join(text_of("*.css"))
    defined = set(re.findall(r"(--[\w-]+)\s*:", everything))

    assert set(re.findall(r"var\((--[\w-]+)", path.read_text())) <= defined


@pytest.mark.django_db
def test_a_first_view_of_an_entity_asks_for_little(client, collected, subtests):
    client.force_login(make_user())
    answer = client.get(make_entity("checkout").get_absolute_url())
    linked = set(re.findall(r'(?:href|src)="(/static/[^"#]+)', answer.text))
    # Also the page, its icon once more as a picture, and the number of open incidents.
    assert 1 + len(linked) + 1 + answer.text.count('hx-trigger="load"') <= 9

    def weight(url: str, encoding: str) -> int:
        asset = client.get(url, headers={"Accept-Encoding": encoding})
        assert "immutable" in asset["Cache-Control"]
        assert asset.get("Content-Encoding", encoding) == encoding
        return len(b"".join(asset.streaming_content))

    for encoding in ("gzip", "br"):
        with subtests.test(encoding):
            weights = {url: weight(url, encoding) for url in linked}
            assert sum(size for url, size in weights.items() if "/css/" in url) <= 9_500
            assert sum(size for url, size in weights.items() if "/static/js/" in url) <= 3_300
            assert len(gzip.compress(answer.content)) + sum(weights.values()) <= 36_000


def test_sources_are_joined_in_their_order_each_script_apart(settings, tmp_path, monkeypatch):
    settings.BASE_DIR, settings.VAR_DIR = tmp_path, tmp_path / "var"
    monkeypatch.setattr(static_files, "STYLES", ("tokens", "components/card"))
    monkeypatch.setattr(static_files, "SCRIPTS", ("dialog", "live"))
    for path, text in {
        "css/tokens.css": "/* Said\nfirst. */\n@layer a {\n\n  b {\n    c: d;\n  }\n}\n",
        "css/components/card.css": "@layer e {\n}\n",
        "js/dialog.js": "/* Said\nfirst. */\n\nconst shown = 1; /* in it */\n",
        "js/live.js": "const shown = 2; // of its own\n",
    }.items():
        (tmp_path / "static" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "static" / path).write_text(text)

    styles = Path(finders.find("css/site.css"))
    scripts = Path(finders.find("js/site.js"))
    assert styles.read_text() == "@layer a {\nb {\nc: d;\n}\n}\n@layer e {\n}\n"
    assert scripts.read_text() == (
        "{\nconst shown = 1; /* in it */\n}\n{\nconst shown = 2; // of its own\n}\n"
    )

    before = styles.stat().st_mtime_ns
    (tmp_path / "static/js/live.js").write_text("const shown = 3;\n")
    assert "const shown = 3;" in Path(finders.find("js/site.js")).read_text()
    assert Path(finders.find("css/site.css")).stat().st_mtime_ns == before


def test_every_script_and_every_component_is_joined():
    assert sorted(static_files.SCRIPTS) == sorted(path.stem for path in STATIC.glob("js/*.js"))
    components = {f"components/{path.stem}" for path in STATIC.glob("css/components/*.css")}
    assert components <= set(static_files.STYLES)
    for path in STATIC.glob("js/*.js"):
        # In a block of a joined module neither can stand.
        assert not re.search(r"^(import|export)\b", path.read_text(), re.MULTILINE)
