"""What every test stands on: a clean cache, and no HTTP that was not announced."""

import pytest
import responses
from django.core.cache import cache


@pytest.fixture(autouse=True)
def _empty_cache():
    cache.clear()
    yield
    cache.clear()


@pytest.fixture(autouse=True)
def http(request):
    """Fake the network's edge: a request nobody registered fails, one nobody sent fails too."""
    if request.node.get_closest_marker("real_http"):
        yield None
        return
    with responses.RequestsMock(assert_all_requests_are_fired=True) as mock:
        yield mock
