"""The sign-in form: limited by name and by address, recorded, the same for the admin."""

from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from portal.accounts.limits import FAILURES_PER_NAME, FAILURES_PER_NETWORK, PERIOD
from portal.accounts.models import AccountEvent
from tests.factories import make_user

pytestmark = pytest.mark.django_db
HOME, STRANGE = "192.0.2.10", "203.0.113.66"


def attempt(name, password, *, address=STRANGE, **headers):
    client = Client(REMOTE_ADDR=address, headers=headers)
    return client.post(reverse("sign-in"), {"username": name, "password": password})


def fail(times, name, *, address=STRANGE, **headers):
    for number in range(times):
        assert attempt(name, f"wrong-{number}", address=address, **headers).status_code == 200


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel("2026-11-01 09:00:00+00:00", tick=False) as clock:
        yield clock


@pytest.fixture
def ana():
    return make_user("ana")


@pytest.mark.parametrize("name", ["ana", "nobody"])
def test_a_name_is_refused_after_ten_failures_whoever_has_it(ana, clock, name):
    fail(FAILURES_PER_NAME, name)
    clock.shift(timedelta(minutes=4))
    for tried in (name, name.upper()):
        refused = attempt(tried, "secret", address=HOME)
        assert refused.status_code == 429
        assert "Try again in 11 minutes" in refused.text
        assert refused["Retry-After"] == "660"
        assert f'value="{tried}"' in refused.text
    clock.shift(PERIOD)
    assert (attempt(name, "secret").status_code == 302) is (name == "ana")


def test_an_address_is_refused_for_every_name(ana):
    for number in range(FAILURES_PER_NETWORK):
        fail(1, f"name-{number}")
    assert attempt("ana", "secret").status_code == 429
    assert attempt("ana", "secret", address=HOME).status_code == 302


def test_a_network_of_ipv6_is_one_address_and_its_neighbour_another(ana):
    for number in range(FAILURES_PER_NETWORK):
        fail(1, f"name-{number}", address=f"2001:db8:0:1::{number:x}")
    assert attempt("ana", "secret", address="2001:db8:0:1:ffff::1").status_code == 429
    assert attempt("ana", "secret", address="2001:db8:0:2::1").status_code == 302


def test_a_stranger_does_not_lock_out_who_signed_in_from_the_same_address_lately(ana):
    assert attempt("ana", "secret", address=HOME).status_code == 302
    fail(FAILURES_PER_NAME, "ana")
    assert attempt("ana", "secret").status_code == 429
    assert attempt("ana", "secret", address=HOME).status_code == 302
    fail(FAILURES_PER_NAME, "ana", address=HOME)
    assert attempt("ana", "secret", address=HOME).status_code == 429


@pytest.mark.parametrize(("behind_proxy", "status"), [(True, 302), (False, 429)])
def test_the_proxys_own_entry_is_the_address_and_only_behind_a_proxy(
    ana, settings, behind_proxy, status
):
    settings.PORTAL_BEHIND_PROXY = behind_proxy
    for number in range(FAILURES_PER_NETWORK):
        # The first entry is what the client sent itself.
        sent = f"198.51.100.{number}, {STRANGE}"
        fail(1, f"name-{number}", address="127.0.0.1", X_Forwarded_For=sent)
    from_home = attempt("ana", "secret", address="127.0.0.1", X_Forwarded_For=HOME)
    assert from_home.status_code == status
    again = attempt("bo", "secret", address="127.0.0.1", X_Forwarded_For=f"{HOME}, {STRANGE}")
    assert again.status_code == 429


def test_the_admin_has_no_other_form(ana):
    client = Client()
    asked = client.get(reverse("admin:index"), follow=True)
    assert asked.redirect_chain[-1][0] == f"{reverse('sign-in')}?next={reverse('admin:index')}"
    sent = client.post(reverse("admin:login"), {"username": "ana", "password": "secret"})
    assert sent.status_code == 302
    assert "_auth_user_id" not in client.session
    client.force_login(ana)
    assert client.get(reverse("admin:index"), follow=True).status_code == 403


def test_sign_ins_are_recorded_without_what_was_typed(ana, caplog):
    caplog.set_level("INFO")
    attempt("ana", "my password", address=HOME)
    attempt("my password", "ana", address=HOME)
    client = Client(REMOTE_ADDR=HOME)
    client.post(reverse("sign-in"), {"username": "ana", "password": "secret"})
    client.post(reverse("sign-out"))
    rows = AccountEvent.objects.exclude(kind="account_created").order_by("pk")
    assert list(rows.values_list("kind", "account", "address")) == [
        ("sign_in_failed", "ana", HOME),
        ("sign_in_failed", "", HOME),
        ("signed_in", "ana", HOME),
        ("signed_out", "ana", HOME),
    ]
    logged = [record for record in caplog.records if record.name == "portal.accounts.recording"]
    assert [record.getMessage() for record in logged[-4:]] == [
        *["sign-in failed", "sign-in failed", "signed in", "signed out"]
    ]
    assert "my password" not in f"{[*rows.values()]} {[vars(one) for one in logged]}"


def test_a_refused_attempt_writes_no_row(ana):
    fail(FAILURES_PER_NAME, "ana")
    before = AccountEvent.objects.count()
    attempt("ana", "secret")
    assert AccountEvent.objects.count() == before
    assert AccountEvent.objects.filter(at__gt=timezone.now() - PERIOD).exists()


def test_no_more_than_the_limit_are_hashed_however_many_come_at_once(ana, monkeypatch):
    hashed, answers = [], []

    def slowly(self, raw_password):
        """The next sign-in comes while this password is being hashed."""
        hashed.append(raw_password)
        if len(answers) + len(hashed) < 2 * FAILURES_PER_NAME:
            answers.append(attempt("ana", f"wrong-{len(hashed)}").status_code)
        return False

    monkeypatch.setattr(User, "check_password", slowly)
    attempt("ana", "wrong-0")
    assert len(hashed) == FAILURES_PER_NAME
    assert answers.count(429) >= 1
    assert attempt("ana", "secret").status_code == 429
    assert AccountEvent.objects.filter(kind="sign_in_failed").count() == FAILURES_PER_NAME


def test_an_error_that_says_nothing_of_the_password_does_not_count(ana, monkeypatch):
    def fails(self, raw_password):
        raise RuntimeError("no such hasher")

    monkeypatch.setattr(User, "check_password", fails)
    for _ in range(FAILURES_PER_NAME):
        with pytest.raises(RuntimeError):
            attempt("ana", "secret")
    monkeypatch.undo()
    assert attempt("ana", "secret").status_code == 302
    assert not AccountEvent.objects.filter(kind="sign_in_failed").exists()
