"""``check --deploy`` says what opens the portal to strangers."""

import pytest
from django.core import checks

pytestmark = pytest.mark.django_db
LOGIN = "django.contrib.auth.middleware.LoginRequiredMiddleware"


def found():
    ids = {one.id: one for one in checks.run_checks(include_deployment_checks=True)}
    return {
        key: one for key, one in ids.items() if key and key.startswith("portal.") and "03" in key
    }


@pytest.fixture(params=[("portal.example.com", ""), ("127.0.0.1", "https://portal.example.com")])
def public(settings, request):
    host, url = request.param
    settings.ALLOWED_HOSTS = [host]
    settings.PORTAL_URL = url or settings.PORTAL_URL


def test_this_machine_alone_may_have_the_sandbox_and_open_pages(settings):
    settings.PAGERDUTY_SANDBOX = True
    settings.MIDDLEWARE = [one for one in settings.MIDDLEWARE if one != LOGIN]
    assert found() == {}


@pytest.mark.usefixtures("public")
def test_a_public_portal_with_the_sandbox_or_open_pages_is_named(settings):
    assert found() == {}
    settings.PAGERDUTY_SANDBOX = True
    assert "portal.example.com" in found()["portal.E030"].msg
    settings.MIDDLEWARE = [one for one in settings.MIDDLEWARE if one != LOGIN]
    assert "portal.example.com" in found()["portal.W031"].msg


def test_any_host_name_and_a_log_of_everything_are_named(settings):
    settings.ALLOWED_HOSTS = ["*"]
    settings.LOGGING = {**settings.LOGGING, "root": {"level": "DEBUG"}}
    assert set(found()) == {"portal.W030", "portal.W032"}
