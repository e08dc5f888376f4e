"""The addresses for machines."""

import pytest
from django.db import connection
from django.urls import reverse


def test_live_answers_without_database_and_without_signing_in(client):
    response = client.get(reverse("live"))
    assert response.status_code == 200
    assert response.json() == {"status": "ok"}


@pytest.mark.django_db
def test_ready_names_each_part(client):
    response = client.get(reverse("ready"))
    assert response.status_code == 200
    assert response.json() == {
        "status": "ok",
        "database": "ok",
        "migrations": "ok",
        "cache": "ok",
    }
    assert "no-store" in response["Cache-Control"]


@pytest.mark.django_db
def test_ready_says_when_migrations_are_missing(client):
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'catalog'")
    response = client.get(reverse("ready"))
    assert response.status_code == 503
    assert "manage.py migrate" in response.json()["migrations"]


@pytest.mark.django_db
def test_ready_says_when_the_cache_forgets_and_goes_on_serving(client, settings):
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    response = client.get(reverse("ready"))
    assert response.status_code == 200
    assert response.json()["status"] == "degraded"
    assert response.json()["cache"] == "does not keep what it is given"
    assert response.json()["database"] == "ok"


@pytest.mark.parametrize("name", ["live", "ready"])
@pytest.mark.django_db
def test_machines_may_only_read(client, name):
    assert client.post(reverse(name)).status_code == 405
    assert client.generic("TRACE", reverse(name)).status_code == 405
