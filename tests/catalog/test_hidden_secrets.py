"""A secret that a careless file repeats everywhere is shown nowhere and found by no search."""

import base64
import html
from importlib import import_module

import pytest
from django.apps import apps
from django.urls import reverse

from catalog.editing import overlays
from catalog.models import Entity, ImportIssue, Overlay, SearchText, Tag
from catalog.presenters.rows import first_line
from tests.catalog.overlays import set_overlay
from tests.catalog.sources import component, group, imported, run, write
from tests.factories import make_entity, make_user
from tests.pages import parse

pytestmark = pytest.mark.django_db

SECRET = "0123456789abcdef0123456789abcdef"
LAID_OVER = "fedcba9876543210fedcba9876543210"
# Known by their form: no name says what they are, and the key is another entity's.
SHAPED = {
    "a key of PagerDuty": SECRET.upper(),
    "the other form of its keys": "R0ABCDEFGHIJKLMNOPQRSTUVWXYZ0123",
    "a key in Base64": base64.b64encode(SECRET.encode()).decode(),
    "a token of PagerDuty": "u+Abcdefghij-1234567",
    "GitHub": "ghp_0123456789abcdefghijABCDEFGHIJ012345",
    "GitHub, fine-grained": "github_pat_11ABCDEFG0abcdefghijkl_0123456789",
    "GitLab": "glpat-0123456789abcdefghij",
    "Slack": "xoxb-123456789012-abcdefghijkl",
    "AWS": "AKIAABCDEFGHIJKLMNOP",
    "a JSON Web Token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "PEM": "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIB-short\n-----END EC PRIVATE KEY-----",
}
IN_ADDRESSES = {
    "s3cretpw1": "postgres://app:s3cretpw1@db.example.com/shop",
    "T000/B000/hookpath": "https://hooks.slack.com/services/T000/B000/hookpath",
    "querytoken": "https://ci.example.com/job?branch=main&access_token=querytoken",
}
IN_CONNECTION_STRINGS = {
    "Zm9vYmFyZm9vYmFyZm9vYmFy/+==": "AccountName=a;AccountKey=Zm9vYmFyZm9vYmFyZm9vYmFy/+==;X=1",
    "c2hhcmVkc2hhcmVkc2hhcmVk/+A=": "SharedAccessKey=c2hhcmVkc2hhcmVkc2hhcmVk/+A=",
    "awsawsawsawsaws/aws+aws": "aws_secret_access_key = awsawsawsawsaws/aws+aws",
    "pw-bare": "Server=db;Password = pw-bare;Encrypt=yes",
    "pw;quoted": 'Server=db;Password="pw;quoted";Encrypt=yes',
    "pw; in braces": "Driver={ODBC};Pwd={pw; in braces};Database=x",
}
NAMED = {
    f"my.example.com/{name}": f"Value-0f-{name}"
    for name in ("passwd", "pwd", "auth", "cookie", "credential", "bearer", "pat", "dsn")
}
PUBLIC = [
    "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "md5:d41d8cd98f00b204e9800998ecf8427e",
    "https://www.notion.so/Runbook-9f8e7d6c5b4a39281706f5e4d3c2b1a0",
    "550e8400-e29b-41d4-a716-446655440000",
    "https://user@example.com/path",
    "Encrypt=yes",
    "SharedAccessKeyName=RootManageSharedAccessKey",
]
ENTITY = "/catalog/default/component/leaky/"
PAGES = [
    "/",
    "/catalog/",
    "/catalog/?q=leaky",
    "/catalog/?sort=type",
    "/search/?q=leaky",
    "/catalog/export/?format=csv",
    "/catalog/export/?format=json",
    "/catalog/export/?format=yaml",
    "/catalog/issues/",
    "/catalog/locations/",
    ENTITY,
    f"{ENTITY}dependencies/",
    f"{ENTITY}inspect/",
    f"{ENTITY}history/",
    f"{ENTITY}pagerduty/",
    "/catalog/default/component/friend/",
    "/catalog/default/component/friend/inspect/",
    "/catalog/default/component/friend/history/",
    "/catalog/default/component/friend/dependencies/",
    "/catalog/default/component/friend/dependencies/?type=dependsOn",
    "/catalog/default/group/team/ownership/",
    "/catalog/default/component/refused/",
    "/admin/catalog/entity/",
    "/admin/catalog/entity/?q=leaky",
    "/admin/catalog/importissue/",
    "/admin/catalog/importrun/",
    "/admin/catalog/overlay/",
]


@pytest.fixture
def careless(tmp_path):
    """A file that repeats its secret in every field that has room for it, and one refused."""

    def careless(text="copy"):
        copies = {
            "title": f"Title {SECRET}",
            "description": f"{text} **{SECRET}**",
            "annotations": {
                "pagerduty.com/integration-key": SECRET,
                "example.com/note": f"{text} {SECRET}",
                "backstage.io/view-url": f"https://example.com/{SECRET}",
            },
            "links": [{"url": f"https://example.com/{SECRET}", "title": SECRET}],
            "labels": {"copy": SECRET},
            "tags": [SECRET],
        }
        leaky = component(
            "leaky", metadata=copies, type=SECRET, lifecycle=f"old {SECRET}", more=[SECRET]
        )
        shaped = [*SHAPED.values(), *IN_ADDRESSES.values(), *IN_CONNECTION_STRINGS.values()]
        friendly = {
            "description": f"{text}\n" + "\n".join(shaped),
            "annotations": {
                **NAMED,
                **{f"example.com/note-{number}": one for number, one in enumerate(shaped)},
                "example.com/public": " ".join(PUBLIC),
            },
            "links": [{"url": one, "title": one} for one in IN_ADDRESSES.values()],
        }
        settings = {"password": "Fieldpassw0rd", "apiKey": "Field-api-key-1", "list": shaped}
        friend = component(
            "friend", metadata=friendly, dependsOn=["component:leaky"], **{"x-settings": settings}
        )
        wrong = {"copy": f"{SECRET}/", "shape": f"{SHAPED['Slack']}/", "case": f"{SECRET.upper()}/"}
        bad = {"annotations": {"example.com/token": SECRET}, "labels": wrong}
        refused = component("refused", metadata=bad)
        return write(tmp_path / "all.yaml", leaky, friend, refused, group())

    return careless


@pytest.fixture
def everywhere(careless):
    """Imported twice, so that there is a history, with another secret laid over."""
    imported(careless())
    leaky = Entity.objects.get(ref="component:default/leaky")
    values = [
        overlays.Value(field=Overlay.Field.ANNOTATION, key=key, value=value)
        for key, value in (
            ("pagerduty.com/integration-key", LAID_OVER),
            ("example.com/more", f"see {LAID_OVER}"),
        )
    ]
    link = overlays.Value(
        field=Overlay.Field.LINK, key=f"https://example.com/{LAID_OVER}", value=""
    )
    overlays.replace_overlays(leaky, [*values, link], user=None)
    imported(careless("changed"))


def body(client, address):
    response = client.get(address)
    whole = b"".join(response) if response.streaming else response.content
    return whole.decode()


def test_no_page_and_no_export_repeats_a_secret(client, everywhere, subtests):
    client.force_login(make_user(is_staff=True, is_superuser=True))
    hidden = [
        *SHAPED.values(),
        *IN_ADDRESSES,
        *IN_CONNECTION_STRINGS,
        *NAMED.values(),
        "Fieldpassw0rd",
        "Field-api-key-1",
    ]
    for address in PAGES:
        with subtests.test(address):
            text = body(client, address)
            assert SECRET not in text
            assert LAID_OVER not in text
            found = html.unescape(text)
            assert [one for one in hidden if one in found or one in text] == []


def test_what_only_looks_like_a_secret_is_shown(client, everywhere):
    client.force_login(make_user())
    text = body(client, "/catalog/default/component/friend/inspect/")
    assert [one for one in PUBLIC if one not in text] == []


def test_rows_of_the_admin_repeat_no_secret(client, everywhere):
    client.force_login(make_user(is_staff=True, is_superuser=True))
    told = [
        *(f"/admin/catalog/overlay/{row.pk}/change/" for row in Overlay.objects.all()),
        *(f"/admin/catalog/overlay/{row.pk}/delete/" for row in Overlay.objects.all()),
        *(f"/admin/catalog/importissue/{row.pk}/change/" for row in ImportIssue.objects.all()),
    ]

    assert len(told) > 5
    for address in told:
        text = body(client, address)
        assert SECRET not in text, address
        assert LAID_OVER not in text, address


@pytest.mark.parametrize("secret", [SECRET, LAID_OVER, SECRET[:20]])
def test_no_search_finds_an_entity_by_its_secret(client, everywhere, secret):
    client.force_login(make_user(is_staff=True, is_superuser=True))

    for address in ("/catalog/?q=", "/search/?q=", "/admin/catalog/entity/?q="):
        assert "component/leaky/" not in body(client, address + secret)
        assert "component:default/leaky<" not in body(client, address + secret)
    assert not SearchText.objects.filter(text__contains=secret).exists()
    assert not Tag.objects.filter(name__contains=secret).exists()


def test_a_secret_in_place_of_a_name_is_shown_nowhere(client, tmp_path):
    file = write(tmp_path / "a.yaml", component("a", owner=SECRET, dependsOn=[f"api:{SECRET}"]))
    assert SECRET not in run("import_catalog", file)[1]
    assert SECRET not in run("validate_catalog", file)[1]
    client.force_login(make_user(is_staff=True, is_superuser=True))
    entity = Entity.objects.get(name="a")
    for page in ("entity", "dependencies", "inspect"):
        assert SECRET not in body(client, reverse(f"catalog:{page}", kwargs=entity.url_kwargs))
    for address in ("/catalog/", "/catalog/issues/?kind=unresolved", "/catalog/export/?format=csv"):
        assert SECRET not in body(client, address), address
    assert SECRET not in body(client, "/admin/catalog/entity/")
    change = f"/admin/catalog/entity/{entity.pk}/change/"
    assert f"The file says ****{SECRET[-4:]}" in body(client, change)
    set_overlay(entity, Overlay.Field.OWNER, "", LAID_OVER, user=None)
    assert SECRET not in body(client, change)
    assert LAID_OVER not in body(client, change)
    client.force_login(make_user(is_staff=True, permissions=("catalog.view_entity",)))
    assert LAID_OVER not in body(client, change)


def test_what_a_check_says_of_a_file_repeats_no_secret_of_it(careless):
    status, said = run("validate_catalog", careless())

    assert status == 1
    assert "metadata.labels.copy" in said
    assert SECRET not in said


@pytest.mark.parametrize("mark", ["[", "![", "*a _b ", "`", "- "])
def test_a_line_of_marks_that_never_close_is_cut_before_it_is_read(mark):
    assert first_line(mark * 20_000) == first_line(mark * 2_000)
    assert first_line((mark * 400 + "\n") * 20_000) == first_line((mark * 400 + "\n") * 20)


def test_a_copy_of_a_secret_is_edited_masked_and_kept_when_it_is_left_alone(client, everywhere):
    client.force_login(make_user(is_staff=True, is_superuser=True))
    leaky = Entity.objects.get(ref="component:default/leaky")
    address = f"/admin/catalog/entity/{leaky.pk}/change/"
    text = body(client, address)
    assert LAID_OVER not in text
    form = parse(text).select_one("#entity_form")
    fields = {one["name"]: one.get("value", "") for one in form.select("input[name]")}
    fields = {name: value for name, value in fields.items() if not name.endswith("DELETE")}
    before = set(Overlay.objects.values_list("key", "value"))

    assert client.post(address, fields | {"overlay_owner": "team"}).status_code == 302
    assert set(Overlay.objects.exclude(field="owner").values_list("key", "value")) == before


def test_an_upgrade_hides_the_copies_in_what_was_there_before(client):
    """Rows that an older portal wrote have them in their columns."""
    token = {"example.com/token": SECRET}
    entity = make_entity("old", annotations=token, title=f"Title {SECRET}")
    Entity.objects.filter(pk=entity.pk).update(title=f"Title {SECRET}", type=SECRET)
    SearchText.objects.all().delete()
    import_module("catalog.migrations.0003_fill_search_text").fill(apps, None)

    entity.refresh_from_db()
    assert (entity.title, entity.type, entity.sort_name) == ("Title ****", "****", "title ****")
    client.force_login(make_user())
    assert SECRET not in body(client, "/catalog/")


def test_the_key_of_a_project_is_no_secret_and_blanks_nothing_out(client, db):
    entity = make_entity(
        "payments",
        title="payments",
        annotations={"sonarqube.org/project-key": "payments", "example.com/api-key": "payments"},
    )
    client.force_login(make_user())
    page = client.get(entity.get_absolute_url())
    assert "<title>payments" in page.text
    inspected = client.get(f"{entity.get_absolute_url()}inspect/").text
    assert "sonarqube.org/project-key: payments" in inspected
    assert "example.com/api-key: payments" not in inspected
