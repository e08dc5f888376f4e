import pytest
from django.conf import settings as configured

from tests.catalog.pages import select, texts
from tests.factories import make_user

pytestmark = pytest.mark.django_db
SIGN_IN = "/sign-in/"


def test_signs_in_and_goes_where_the_person_was_going(client):
    make_user("ana")
    answer = client.post(
        SIGN_IN, {"username": "ana", "password": "secret", "next": "/catalog/?kind=api"}
    )
    assert answer.status_code == 302
    assert answer["Location"] == "/catalog/?kind=api"
    assert client.get("/").status_code == 200


def test_the_page_sends_on_where_the_person_was_going(client):
    form = select(client.get(f"{SIGN_IN}?next=/catalog/"), "main form")[0]
    assert form.select_one("input[name=next]")["value"] == "/catalog/"
    assert form["method"] == "post"


@pytest.mark.parametrize(
    "address", ["https://evil.example/", "//evil.example", "javascript:alert(1)"]
)
def test_never_sends_on_to_another_site(client, address):
    make_user("ana")
    answer = client.post(SIGN_IN, {"username": "ana", "password": "secret", "next": address})
    assert answer["Location"] == "/"


def test_a_wrong_password_keeps_the_name_and_says_so_once(client):
    make_user("ana")
    page = client.post(SIGN_IN, {"username": 'ana"><script>', "password": "wrong", "next": "/x"})
    assert select(page, "input[name=username]")[0]["value"] == 'ana"><script>'
    assert not select(page, "input[name=password]")[0].get("value")
    assert select(page, "input[name=next]")[0]["value"] == "/x"
    assert len(texts(page, "main .notice")) == 1
    assert "<script>alert" not in page.text


def test_signing_out_is_a_post(client):
    client.force_login(make_user("ana"))
    assert client.get("/sign-out/").status_code == 405
    assert client.get("/catalog/").status_code == 200
    assert client.post("/sign-out/").status_code == 302
    assert client.get("/catalog/").status_code == 302


def test_somebody_signed_in_is_not_asked_again(client):
    client.force_login(make_user("ana"))
    assert client.get(SIGN_IN).status_code == 302


def test_a_form_in_a_foreign_character_set_is_a_bad_request(client):
    from django.test import Client

    strict = Client(enforce_csrf_checks=True, raise_request_exception=False)
    strict.get(SIGN_IN)
    assert configured.CSRF_COOKIE_NAME in strict.cookies
    answer = strict.generic(
        "POST",
        SIGN_IN,
        "username=ana&password=x",
        content_type="application/x-www-form-urlencoded; charset=utf-16",
    )
    assert answer.status_code == 400
    assert texts(answer, "h1") == ["The portal could not read this request"]


@pytest.mark.parametrize("method", ["trace", "delete"])
def test_answers_only_reading_and_posting(client, method):
    assert getattr(client, method)(SIGN_IN).status_code == 405
