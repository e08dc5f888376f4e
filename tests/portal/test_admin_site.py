"""What the admin's pages mask cannot be asked for through their addresses either."""

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.db.models import JSONField
from django.urls import reverse

from portal.admin_site import PortalAdminSite
from tests.catalog.overlays import set_overlay
from tests.factories import make_entity, make_user

pytestmark = pytest.mark.django_db
KEY = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
SITE = admin.site


@pytest.fixture
def boss(client):
    client.force_login(make_user("boss", is_staff=True, is_superuser=True))
    return client


def change_list(model):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def filtered(options):
    """The columns that a filter beside the list offers."""
    names = [options.date_hierarchy or ""]
    for one in options.list_filter:
        names.append(getattr(one, "parameter_name", one))
    return {name.split("__")[0] for name in names}


def test_a_list_answers_no_comparison_with_a_column_that_has_no_filter(boss):
    asked = answered = 0
    for model, options in SITE._registry.items():
        for field in model._meta.concrete_fields:
            lookups = ["__startswith"]
            lookups += ["__metadata__name__startswith"] if isinstance(field, JSONField) else []
            for lookup in lookups if field.name not in filtered(options) else []:
                address = f"{change_list(model)}?{field.name}{lookup}=1"
                assert boss.get(address).status_code == 400, address
                asked += 1
        for one in options.list_filter:
            query = f"{getattr(one, 'parameter_name', one)}=1"
            assert boss.get(f"{change_list(model)}?{query}").status_code in {200, 302}, query
            answered += 1
    assert asked > 100
    assert answered > 10


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/New_York"])
def test_a_value_that_the_database_cannot_compare_with_is_no_error(boss, settings, zone):
    settings.TIME_ZONE = zone
    large = "9" * 30
    numbers = (large, f"-{large}", f"1,{large}", "\u0669" * 30)
    years = (large, f"2025,{large}", "99999", "9999", "1", "0", "-1", "x")
    lookups = {
        "auth_user": ("groups", "groups__id__exact", "groups__id__in", "groups__in"),
        "accounts_accountevent": ("at__year", "at__year__gte", "at__year__lt", "at__year__in"),
        "catalog_importissue": ("run__id__exact",),
    }
    asked = [
        f"{reverse(f'admin:{model}_changelist')}?{lookup}={value}"
        for model, ones in lookups.items()
        for lookup in ones
        for value in (years if "year" in lookup else numbers)
    ]
    events = reverse("admin:accounts_accountevent_changelist")
    asked += [f"{events}?at__lt=9999-12-31T23:59:59-12:00", f"{events}?kind=%00"]
    for address in asked:
        assert boss.get(address).status_code in {200, 302, 400}, address
    assert boss.get(f"{events}?at__year={large}").status_code == 400
    assert boss.get(f"{events}?at__year=2025").status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        "descriptor__metadata__annotations__pagerduty.com/integration-key__startswith=0a1b",
        "descriptor__icontains=hunter2",
        "location__created_by__password__startswith=a",
        "kind__regex=(",
        "kind__iregex=(C*)*",
        "kind__startswith=Comp",
    ],
)
def test_a_path_into_a_column_or_a_related_row_is_refused(boss, query):
    assert boss.get(f"{reverse('admin:catalog_entity_changelist')}?{query}").status_code == 400


def test_admins_of_other_packages_have_the_rule_however_they_are_registered(boss, client):
    for model in (LogEntry, Session):
        site = PortalAdminSite("other")
        site.register(model)
        request = client.get("/").wsgi_request
        for field in model._meta.concrete_fields:
            assert not site._registry[model].lookup_allowed(field.name, "1", request)


def test_a_search_finds_no_masked_value_and_no_column_sorts_by_one(boss):
    entity = make_entity("payments", annotations={"pagerduty.com/integration-key": KEY})
    for field, key, value in (
        ("annotation", "pagerduty.com/integration-key", KEY),
        ("link", f"https://example.com/?key={KEY}", "Console"),
    ):
        set_overlay(entity, field, key, value, user=None)
    found = 0
    for model, options in SITE._registry.items():
        if not options.search_fields:
            continue
        page = boss.get(f"{change_list(model)}?q={KEY[:12]}")
        assert page.context["cl"].result_count == 0, model
        found += boss.get(f"{change_list(model)}?q=payments").context["cl"].result_count
        hidden = {field.name for field in model._meta.fields if isinstance(field, JSONField)}
        hidden |= {"value", "body", *(options.exclude or ())}
        for name in options.list_display:
            sorted_by = getattr(getattr(options, name, None), "admin_order_field", name)
            assert str(sorted_by).split("__")[0] not in hidden, name
    assert found == 3  # the entity and both overlays


def test_every_model_with_an_admin_was_looked_at():
    named = {model._meta.label for model in SITE._registry}
    assert {"auth.User", "auth.Group", "catalog.Entity", "pagerduty_card.Delivery"} <= named
    assert all(apps.is_installed(model._meta.app_config.name) for model in SITE._registry)
