"""What every test stands on: a clean cache, and no HTTP that was not announced."""

import gc
import hashlib
import os
import shutil
from importlib import import_module
from pathlib import Path

import django
import pytest
import responses
from django.apps import apps
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.core.cache import cache, caches
from django.db import connection
from django.test import Client

from catalog.search import spelling


def pytest_collection_finish():
    """Look no more at what stays until the end: thousands of tests and all modules.

    Nor so often at what a test leaves behind: parsed pages are many objects that soon go.
    """
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings, tmp_path_factory):
    """Keep SQLite in a file, as the product does: in memory, a second thread fails at once."""
    database = settings.DATABASES["default"]
    if database["ENGINE"] == "django.db.backends.sqlite3":
        name = tmp_path_factory.mktemp("database") / "test.sqlite3"
        database.setdefault("TEST", {})["NAME"] = str(name)


@pytest.fixture(scope="session")
def migrated_file(request, django_db_use_migrations):
    """Where SQLite's tables are kept between runs, which migrations take seconds to make.

    They are of the migrations as they are now; None where the suite has no such file, or pytest
    keeps nothing (``-p no:cacheprovider``).
    """
    is_sqlite = settings.DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3"
    if not is_sqlite or not django_db_use_migrations or not hasattr(request.config, "cache"):
        return None
    digest = hashlib.sha256(django.__version__.encode())
    for app in apps.get_app_configs():
        for file in sorted(Path(app.path, "migrations").glob("*.py")):
            digest.update(f"{app.label} {file.name} ".encode() + file.read_bytes())
    return request.config.cache.mkdir("migrated") / f"{digest.hexdigest()}.sqlite3"


@pytest.fixture(scope="session")
def django_db_keepdb(django_db_keepdb, django_db_modify_db_settings, migrated_file):
    """Begin with the tables of an earlier run: then there is nothing to migrate."""
    if migrated_file is None or not migrated_file.exists():
        return django_db_keepdb
    shutil.copy(migrated_file, settings.DATABASES["default"]["TEST"]["NAME"])
    return True


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker, migrated_file):
    """Keep the tables for the next run, in place of older ones. Several processes may do so."""
    if migrated_file is not None and not migrated_file.exists():
        own = migrated_file.with_suffix(f".{os.getpid()}")
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            cursor.execute("VACUUM INTO %s", [str(own)])
        own.rename(migrated_file)
        for old in migrated_file.parent.glob("*.sqlite3"):
            if old != migrated_file:
                old.unlink(missing_ok=True)


@pytest.fixture(autouse=True)
def _empty_cache():
    for one in (cache, caches["shared"]):
        one.clear()
    spelling.clear()
    yield
    for one in (cache, caches["shared"]):
        one.clear()


@pytest.fixture(autouse=True)
def http(request):
    """Fake the network's edge: a request nobody registered fails, one nobody sent fails too."""
    if request.node.get_closest_marker("real_http"):
        yield None
        return
    with responses.RequestsMock(assert_all_requests_are_fired=True) as mock:
        yield mock


class QuickClient(Client):
    """A browser whose ``force_login`` writes a session and nothing else.

    Whoever tests what follows a sign-in takes Django's own, which sends ``user_logged_in``.
    """

    def force_login(self, user, backend=None):
        session = import_module(settings.SESSION_ENGINE).SessionStore()
        session[SESSION_KEY] = str(user.pk)
        session[BACKEND_SESSION_KEY] = backend or self._get_backend()
        session[HASH_SESSION_KEY] = user.get_session_auth_hash()
        session.save()
        self.cookies[settings.SESSION_COOKIE_NAME] = session.session_key


@pytest.fixture
def client():
    return QuickClient()
