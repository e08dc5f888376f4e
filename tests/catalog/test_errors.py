import pytest
from django.conf import settings as configured
from django.test import Client
from django.urls import path

from portal.urls import *  # noqa: F403 -- this module is the site's addresses, and one that fails
from portal.urls import urlpatterns as site
from tests.catalog.pages import select, texts
from tests.factories import make_user

pytestmark = pytest.mark.django_db


def fail(request):
    raise RuntimeError("secret detail")


urlpatterns = [*site, path("fails/", fail)]


@pytest.fixture
def reader():
    client = Client(raise_request_exception=False)
    client.force_login(make_user("ana"))
    return client


def test_a_missing_page_says_so_and_offers_the_search(reader):
    page = reader.get("/no/such/page")
    assert page.status_code == 404
    assert texts(page, "h1") == ["There is no such page"]
    assert select(page, "main form[role=search]")


def test_the_page_of_an_error_needs_no_context_and_tells_no_detail(reader, settings):
    settings.ROOT_URLCONF = __name__
    page = reader.get("/fails/")
    assert page.status_code == 500
    assert texts(page, "h1") == ["Something broke in the portal"]
    assert "This says nothing about the state of your services" in page.text
    assert "secret detail" not in page.text
    assert page["X-Request-ID"]


def test_the_page_of_an_error_looks_right_without_the_list_of_static_files(reader, settings):
    settings.ROOT_URLCONF = __name__
    settings.STORAGES = {
        **configured.STORAGES,
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    }
    page = reader.get("/fails/")
    assert page.status_code == 500
    assert "/static/css/site.css" in [link["href"] for link in select(page, "link")]


def test_what_one_may_not_do_says_who_one_is(settings):
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_user("ana"))
    page = client.post("/sign-out/")
    assert page.status_code == 403


@pytest.mark.parametrize(
    "template",
    [
        "400.html",
        "400_host.html",
        "403.html",
        "403_origin.html",
        "403_typed.html",
        "404.html",
        "500.html",
        "503_proxy.html",
    ],
)
def test_every_error_page_renders_without_a_request(template):
    from django.template.loader import render_to_string

    html = render_to_string(template)
    assert "<h1>" in html
    assert "site.css" in html


def test_a_host_that_is_not_the_portals_is_a_bad_request(reader, caplog):
    page = reader.get("/", headers={"host": "evil.example"})
    (logged,) = [one for one in caplog.records if one.name == "django.security.DisallowedHost"]
    assert "evil.example" in logged.getMessage()
    assert logged.exc_info is None  # whoever sends it would choose how much is written
    assert page.status_code == 400
    assert texts(page, "h1") == ["The portal does not answer to this host name"]
    assert "ALLOWED_HOSTS" in page.text
    assert "localhost" not in page.text
    assert "evil.example" not in page.text


def test_a_right_that_is_missing_is_one_line_of_the_log(reader, caplog):
    assert reader.get("/catalog/issues/").status_code == 403
    (logged,) = [one for one in caplog.records if one.name == "django.request"]
    assert (logged.status_code, logged.exc_info) == (403, None)
