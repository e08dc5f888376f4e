"""Demo accounts open a sandbox and nothing else."""

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

pytestmark = pytest.mark.django_db

SANDBOX_ON = ["portal.permissions.OneQueryBackend", "portal.demo.DemoBackend"]
SANDBOX_OFF = SANDBOX_ON[:1]


def sign_in(client, name, password=None):
    return client.post(reverse("sign-in"), {"username": name, "password": password or name})


def signed_in(client):
    return client.get(reverse("styleguide")).status_code == 200


@pytest.fixture
def _sandbox(settings):
    settings.AUTHENTICATION_BACKENDS = SANDBOX_ON


@pytest.mark.usefixtures("_sandbox")
@pytest.mark.parametrize(
    ("name", "may_page", "staff"),
    [("demo", True, False), ("viewer", False, False), ("admin", True, True)],
)
def test_each_account_has_the_rights_the_start_page_promises(client, name, may_page, staff):
    assert sign_in(client, name).status_code == 302
    user = User.objects.get(username=name)
    assert user.has_perm("pagerduty_card.trigger_incident") is may_page
    assert user.is_staff is staff


@pytest.mark.usefixtures("_sandbox")
def test_a_wrong_password_is_refused(client):
    assert sign_in(client, "demo", "admin").status_code == 200
    assert not signed_in(client)


def test_no_demo_password_works_without_the_sandbox(client, settings):
    settings.AUTHENTICATION_BACKENDS = SANDBOX_ON
    sign_in(client, "admin")
    client.logout()
    settings.AUTHENTICATION_BACKENDS = SANDBOX_OFF
    assert sign_in(client, "admin").status_code == 200
    assert not signed_in(client)


def test_a_demo_session_ends_with_the_sandbox(client, settings):
    settings.AUTHENTICATION_BACKENDS = SANDBOX_ON
    sign_in(client, "demo")
    assert signed_in(client)
    settings.AUTHENTICATION_BACKENDS = SANDBOX_OFF
    assert not signed_in(client)


@pytest.mark.usefixtures("_sandbox")
def test_a_real_account_of_the_same_name_keeps_its_password(client):
    User.objects.create_user("admin", password="a long and private one")
    assert sign_in(client, "admin").status_code == 200
    assert not signed_in(client)
    assert sign_in(client, "admin", "a long and private one").status_code == 302


@pytest.mark.usefixtures("_sandbox")
@pytest.mark.parametrize(
    "request_of",
    [
        {"REMOTE_ADDR": "192.0.2.7", "SERVER_NAME": "localhost"},
        {"REMOTE_ADDR": "192.0.2.7", "HTTP_HOST": "127.0.0.1:8000"},
        {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "192.0.2.7"},
    ],
)
def test_a_demo_account_is_refused_to_other_machines(client, request_of):
    def attempt():
        data = {"username": "admin", "password": "admin"}
        return client.post(reverse("sign-in"), data, **request_of).status_code

    assert attempt() == 200
    request_of |= {"REMOTE_ADDR": "127.0.0.1"}
    request_of.pop("HTTP_X_FORWARDED_FOR", None)
    assert attempt() == 302


@pytest.mark.usefixtures("_sandbox")
@pytest.mark.parametrize("setting", ["ALLOWED_HOSTS", "PORTAL_URL"])
def test_a_demo_account_is_refused_where_the_portal_has_a_public_name(client, settings, setting):
    public = {"ALLOWED_HOSTS": ["testserver", "portal.example.com"]}
    setattr(settings, setting, public.get(setting, "https://portal.example.com"))
    assert sign_in(client, "admin").status_code == 200
