"""What was made while anybody could sign in as admin is named once the sandbox is off."""

import io

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core import checks
from django.core.management import CommandError, call_command
from django.urls import reverse

from portal import demo
from tests.factories import make_user

pytestmark = pytest.mark.django_db
PASSWORD = {"password1": "three quiet herons", "password2": "three quiet herons"}


def named():
    found = checks.run_checks(include_deployment_checks=True)
    return [one.msg.partition("admin: ")[2] for one in found if one.id == "accounts.W001"]


@pytest.fixture
def planted(client, settings):
    """An account and a group made by the demo administrator; then the sandbox is switched off."""
    make_user("honest")
    settings.PAGERDUTY_SANDBOX = True
    settings.AUTHENTICATION_BACKENDS = ["portal.demo.DemoBackend"]
    demo.ensure_account(demo.ACCOUNTS["viewer"])
    client.post(reverse("sign-in"), {"username": "admin", "password": "admin"})
    client.post(
        reverse("admin:auth_user_add"),
        {"username": "planted", "usable_password": "true", **PASSWORD},
    )
    right = Permission.objects.get(codename="change_user")
    client.post(reverse("admin:auth_group_add"), {"name": "helpers", "permissions": [right.pk]})
    assert named() == []
    settings.PAGERDUTY_SANDBOX = False
    settings.AUTHENTICATION_BACKENDS = ["portal.permissions.OneQueryBackend"]


def test_accounts_and_groups_of_the_sandbox_are_named_until_confirmed_or_deleted(planted):
    assert named() == ["planted, helpers."]
    make_user("later", is_superuser=True)
    assert named() == ["planted, helpers."]
    listed = io.StringIO()
    call_command("confirm_accounts", stdout=listed)
    assert listed.getvalue().split("\n")[:2] == ["planted (user)", "helpers (group)"]
    with pytest.raises(CommandError, match="later"):
        call_command("confirm_accounts", "planted", "later")
    call_command("confirm_accounts", "planted", stdout=listed)
    assert named() == ["helpers."]
    Group.objects.get(name="helpers").delete()
    assert named() == []


@pytest.mark.parametrize("name", ["viewer", "honest"])
def test_an_account_that_was_changed_beside_the_sandbox_is_named(planted, client, settings, name):
    User.objects.get(username="planted").delete()
    Group.objects.all().delete()
    settings.PAGERDUTY_SANDBOX = True
    user = User.objects.get(username=name)
    user.is_superuser = True
    user.set_password("three quiet herons")
    user.save()
    settings.PAGERDUTY_SANDBOX = False
    assert named() == [f"{name}."]
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert named() == []
