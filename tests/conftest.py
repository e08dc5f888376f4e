"""What every test stands on: a clean cache, and no HTTP that was not announced."""

import gc

import pytest
import responses
from django.conf import settings
from django.core.cache import cache, caches

from catalog.search import spelling


def pytest_collection_finish():
    """Look no more at what stays until the end: thousands of tests and all modules."""
    gc.freeze()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings, tmp_path_factory):
    """Keep SQLite in a file, as the product does: in memory, a second thread fails at once."""
    database = settings.DATABASES["default"]
    if database["ENGINE"] == "django.db.backends.sqlite3":
        name = tmp_path_factory.mktemp("database") / "test.sqlite3"
        database.setdefault("TEST", {})["NAME"] = str(name)


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
