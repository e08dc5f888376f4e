"""Where the portal keeps its files, whatever the folder is called."""

import runpy
from pathlib import Path

import pytest

SETTINGS = Path(__file__).resolve().parents[2] / "portal" / "settings.py"


@pytest.mark.parametrize("name", ["a+b", "a b", "a%20b", "a%2Bb", "a#b", "a?b", "ä;b&c=d", "a:b@c"])
def test_the_database_is_in_the_folder_that_is_named(monkeypatch, tmp_path, name):
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("PORTAL_VAR_DIR", str(tmp_path / name))
    loaded = runpy.run_path(str(SETTINGS))
    folder = tmp_path / name
    assert Path(loaded["DATABASES"]["default"]["NAME"]) == folder / "switchboard.sqlite3"
    assert [loaded["VAR_DIR"], loaded["STATIC_ROOT"]] == [folder, folder / "static"]
