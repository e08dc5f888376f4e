import gzip
import json
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import override_settings
from django.urls import reverse

from portal.templatetags import ui

STATIC = Path(settings.BASE_DIR / "static")
MANIFEST_STORAGE = "whitenoise.storage.CompressedManifestStaticFilesStorage"


def text_of(*patterns: str) -> list[str]:
    return [path.read_text() for pattern in patterns for path in sorted(STATIC.rglob(pattern))]


@pytest.fixture
def collected(tmp_path):
    storages = {**settings.STORAGES, "staticfiles": {"BACKEND": MANIFEST_STORAGE}}
    with override_settings(STATIC_ROOT=tmp_path, STORAGES=storages):
        call_command("collectstatic", verbosity=0, interactive=False)
        ui._symbol.cache_clear()  # drawn by an earlier test, with unhashed addresses
        yield tmp_path
    ui._symbol.cache_clear()


def test_stylesheets_and_scripts_stay_within_their_budget():
    css = sum(len(text.splitlines()) for text in text_of("*.css"))
    scripts = text_of("*.js")

    assert css <= 900
    assert sum(len(text.splitlines()) for text in scripts) <= 250
    assert sum(len(text.encode()) for text in scripts) <= 8192


@pytest.mark.parametrize("path", sorted(STATIC.rglob("*.css")), ids=lambda path: path.name)
def test_a_stylesheet_stays_in_its_layer_and_fetches_nothing(path):
    text = path.read_text()

    assert "@import" not in text
    assert "url(" not in text
    assert path.name == "layers.css" or re.search(r"^@layer [a-z]+ {", text, re.MULTILINE)
    assert text.count("{") == text.count("}")
    assert not re.search(r"(^|[\s,])#[a-z][\w-]*\s*[{,]", text), "no ids in selectors"


@pytest.mark.parametrize("path", sorted(STATIC.rglob("*.css")), ids=lambda path: path.name)
def test_a_stylesheet_uses_only_tokens_that_exist(path):
    everything = "".join(text_of("*.css"))
    defined = set(re.findall(r"(--[\w-]+)\s*:", everything))

    assert set(re.findall(r"var\((--[\w-]+)", path.read_text())) <= defined


@pytest.mark.django_db
def test_hashed_and_compressed_files_serve_a_page_within_its_weight(client, collected):
    client.force_login(get_user_model().objects.create_user("reader"))
    page = client.get(reverse("catalog:home")).text
    manifest = json.loads((collected / "staticfiles.json").read_text())["paths"]
    linked = set(re.findall(r'(?:href|src)="/static/([^"#]+)', page))

    assert linked <= set(manifest.values())
    weight = len(gzip.compress(page.encode()))
    for name in linked:
        if name.endswith((".css", ".js")):
            packed = collected / f"{name}.gz"
            weight += (packed if packed.exists() else collected / name).stat().st_size
    assert weight <= 60_000
