import gzip
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import override_settings

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
        # The files of Django's admin are many, and no page of the portal links to them.
        call_command("collectstatic", verbosity=0, interactive=False, ignore_patterns=["admin"])
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
def test_a_first_view_of_an_entity_loads_few_bytes(client, collected, subtests):
    client.force_login(make_user())
    page = client.get(make_entity("checkout").get_absolute_url()).text
    linked = set(re.findall(r'(?:href|src)="(/static/[^"#]+)', page))

    def weight_of(*names: str, encoding: str) -> int:
        return sum(
            len(b"".join(client.get(url, headers={"Accept-Encoding": encoding}).streaming_content))
            for url in linked
            if any(name in url for name in names)
        )

    for encoding in ("gzip", "br"):
        with subtests.test(encoding):
            assert weight_of("/css/", encoding=encoding) <= 14_000
            assert weight_of("/static/js/", encoding=encoding) <= 5_000
            everything = weight_of("/css/", "/js/", "htmx", encoding=encoding)
            assert everything + len(gzip.compress(page.encode())) <= 60_000
