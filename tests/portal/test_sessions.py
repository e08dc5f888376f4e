"""A session ends when it is ended: for every process, and while the cache does not answer."""

import socket

import pytest
from django.contrib.sessions.models import Session
from django.test import Client, override_settings
from django.urls import reverse

from tests.factories import make_user

pytestmark = pytest.mark.django_db


def sign_in(name="ana"):
    client = Client()
    answer = client.post(reverse("sign-in"), {"username": name, "password": "secret"})
    assert answer.status_code == 302
    return client


def is_signed_in(client):
    return client.get(reverse("styleguide")).status_code == 200


@pytest.fixture
def ana():
    return make_user("ana")


@pytest.fixture
def unreachable_cache():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    redis = {"BACKEND": "portal.redis_cache.RedisCache", "LOCATION": f"redis://127.0.0.1:{port}/0"}
    return {"default": redis, "shared": redis}


def test_a_copied_cookie_is_dead_after_signing_out_while_the_cache_was_away(ana, unreachable_cache):
    person, thief = sign_in(), Client()
    thief.cookies = person.cookies.copy()
    assert is_signed_in(thief)
    with override_settings(CACHES=unreachable_cache):
        assert person.post(reverse("sign-out")).status_code == 302
    assert not is_signed_in(thief)


def test_deleting_the_rows_ends_every_session_at_its_next_request(ana):
    person = sign_in()
    assert is_signed_in(person)
    Session.objects.all().delete()
    assert not is_signed_in(person)
