"""The record of accounts: who changed which account and which rights, from where."""

from datetime import timedelta

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone

from portal.accounts import tasks  # noqa: F401 -- puts its work on the schedule
from portal.accounts.models import AccountEvent
from portal.tasks import run_once
from tests.factories import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss(client):
    make_user("boss", is_staff=True, is_superuser=True)
    client.post(reverse("sign-in"), {"username": "boss", "password": "secret"})
    AccountEvent.objects.all().delete()
    return client


def rows():
    found = AccountEvent.objects.order_by("pk")
    return [(row.kind, row.account, row.by, row.detail) for row in found]


def test_what_the_admin_does_to_an_account_is_recorded_with_who_did_it(boss):
    password = {"password1": "three quiet herons", "password2": "three quiet herons"}
    added = {"username": "mallory", "usable_password": "true", **password}
    boss.post(reverse("admin:auth_user_add"), added)
    user = User.objects.get(username="mallory")
    right = Permission.objects.get(codename="view_entity")
    group = Group.objects.create(name="editors")
    fields = {"username": "mallory", "is_active": "on", "is_staff": "on", "is_superuser": "on"}
    joined = {"date_joined_0": "2026-11-01", "date_joined_1": "09:00:00"}
    rights = {"groups": [group.pk], "user_permissions": [right.pk]}
    boss.post(reverse("admin:auth_user_change", args=[user.pk]), fields | joined | rights)
    boss.post(reverse("admin:auth_user_password_change", args=[user.pk]), password)
    boss.post(reverse("admin:auth_user_delete", args=[user.pk]), {"post": "yes"})
    assert rows() == [
        ("account_created", "mallory", "boss", ""),
        ("group_created", "editors", "", ""),
        *(
            ("account_changed", "mallory", "boss", detail)
            for detail in (
                "is_staff: False -> True; is_superuser: False -> True",
                "added: group editors",
                "added: catalog.view_entity",
                "password",
            )
        ),
        ("account_deleted", "mallory", "boss", ""),
    ]
    assert set(AccountEvent.objects.exclude(by="").values_list("address", flat=True)) == {
        "127.0.0.1"
    }


def test_rights_are_recorded_from_whichever_end_they_are_given():
    ana, group = make_user("ana"), Group.objects.create(name="editors")
    right = Permission.objects.get(codename="view_entity")
    AccountEvent.objects.all().delete()
    group.permissions.set([right])
    group.user_set.add(ana)
    right.user_set.add(ana)
    ana.groups.clear()
    group.permissions.remove(right)
    assert rows() == [
        ("group_changed", "editors", "", "added: catalog.view_entity"),
        ("account_changed", "ana", "", "added: group editors"),
        ("account_changed", "ana", "", "added: catalog.view_entity"),
        ("account_changed", "ana", "", "all removed: groups"),
        ("group_changed", "editors", "", "removed: catalog.view_entity"),
    ]


def test_a_superuser_of_the_command_line_is_recorded(monkeypatch):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "three quiet herons")
    call_command("createsuperuser", username="root", email="", interactive=False, verbosity=0)
    assert rows() == [("account_created", "root", "", "is_staff, is_superuser")]


def test_the_record_is_read_in_the_admin_and_written_by_nobody(boss):
    make_user("ana")
    row = AccountEvent.objects.get(account="ana")
    listed = boss.get(reverse("admin:accounts_accountevent_changelist"))
    assert "account created" in listed.text
    page = reverse("admin:accounts_accountevent_change", args=[row.pk])
    assert boss.get(page).status_code == 200
    assert boss.post(page, {"account": "x"}).status_code == 403
    assert (
        boss.post(reverse("admin:accounts_accountevent_delete", args=[row.pk])).status_code == 403
    )


@pytest.mark.parametrize(("days", "left"), [(30, 1), (0, 2)])
def test_the_admins_log_is_kept_as_long_as_the_setting_says(settings, days, left):
    settings.PORTAL_ADMIN_LOG_DAYS = days
    user = make_user()
    for age_days in (1, 31):
        at = timezone.now() - timedelta(days=age_days)
        LogEntry.objects.create(user=user, action_flag=2, action_time=at)
    assert run_once("portal.accounts.tasks.forget_old_events")
    assert LogEntry.objects.count() == left


@pytest.mark.parametrize(("days", "left"), [(30, 1), (0, 2)])
def test_the_worker_forgets_rows_after_the_time_of_the_setting(settings, days, left):
    settings.PORTAL_ACCOUNT_RECORD_DAYS = days
    with time_machine.travel("2026-11-01 09:00:00+00:00", tick=False) as clock:
        make_user("old")
        clock.shift(timedelta(days=29))
        make_user("young")
        clock.shift(timedelta(days=2))
        assert run_once("portal.accounts.tasks.forget_old_events")
    assert AccountEvent.objects.count() == left
