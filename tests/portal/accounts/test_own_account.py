"""What people do with their own account: change the password, sign out everywhere."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from portal.accounts.limits import FAILURES_PER_NAME
from tests.factories import make_user

pytestmark = pytest.mark.django_db
NEW = "three quiet herons"


def sign_in(name="ana", password="secret"):
    client = Client()
    client.post(reverse("sign-in"), {"username": name, "password": password})
    return client


def change(client, old="secret", new=NEW):
    data = {"old_password": old, "new_password1": new, "new_password2": new}
    return client.post(reverse("password"), data)


def is_signed_in(client):
    return client.get(reverse("styleguide")).status_code == 200


@pytest.fixture(autouse=True)
def ana():
    return make_user("ana", email="ana.lima@example.com")


def test_a_person_changes_their_password_and_is_signed_out_elsewhere():
    here, elsewhere = sign_in(), sign_in()
    assert reverse("password") in here.get(reverse("catalog:home")).text
    assert here.get(reverse("password")).status_code == 200
    assert change(here).status_code == 302
    assert "Your password was changed" in here.get(reverse("password")).text
    assert is_signed_in(here)
    assert not is_signed_in(elsewhere)
    assert not is_signed_in(sign_in())
    assert is_signed_in(sign_in(password=NEW))


@pytest.mark.parametrize(
    ("new", "says"),
    [
        ("short words", "at least 12 characters"),
        ("927461058273", "entirely numeric"),
        ("ana.lima@example", "too similar"),
        ("passwordpassword", None),
    ],
)
def test_a_weak_password_is_refused_with_the_reason(new, says):
    refused = change(sign_in(), new=new)
    if says is None:
        return
    assert refused.status_code == 422
    assert says in refused.text
    assert User.objects.get(username="ana").check_password("secret")


def test_wrong_old_passwords_count_like_failed_sign_ins():
    client = sign_in()
    for _ in range(FAILURES_PER_NAME):
        assert change(client, old="wrong").status_code == 422
    assert "Try again in 15 minutes" in change(client).text
    assert User.objects.get(username="ana").check_password("secret")


def test_signing_out_everywhere_ends_ones_own_sessions_and_no_others():
    make_user("bo")
    here, elsewhere, other = sign_in(), sign_in(), sign_in("bo")
    assert here.get(reverse("sign-out-everywhere")).status_code == 405
    assert here.post(reverse("sign-out-everywhere")).status_code == 302
    assert [is_signed_in(one) for one in (here, elsewhere, other)] == [False, False, True]


def test_an_administrator_signs_people_out_everywhere(ana):
    make_user("boss", is_staff=True, is_superuser=True)
    person, boss = sign_in(), sign_in("boss")
    address = reverse("admin:auth_user_changelist")
    boss.post(address, {"action": "sign_out", "_selected_action": [ana.pk]})
    assert [is_signed_in(person), is_signed_in(boss)] == [False, True]


def test_an_account_without_a_password_is_told_so(ana):
    ana.set_unusable_password()
    ana.save()
    client = Client()
    client.force_login(ana)
    assert "no password that could be changed" in client.get(reverse("password")).text
    assert change(client).status_code == 422
    assert client.get(reverse("admin:password_change")).status_code == 302
