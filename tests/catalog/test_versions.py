"""What is cached under the catalog's version is never of another version."""

import pytest
from django.db import transaction

from catalog import versions
from catalog.models import Entity, SearchText
from catalog.refs import EntityRef
from catalog.search import spelling
from catalog.search.suggestions import similar_entities, suggested_refs
from catalog.search.text_search import match
from tests.catalog.sources import component, imported, write
from tests.factories import make_entity

pytestmark = pytest.mark.django_db


def names():
    read = lambda: list(Entity.objects.values_list("name", flat=True))  # noqa: E731
    return versions.cached("names", (), versions.current(), read)


def test_what_was_read_in_a_transaction_that_was_taken_back_is_read_by_nobody_else():
    with transaction.atomic():
        make_entity("never")
        assert names() == ["never"]
        transaction.set_rollback(True)
    make_entity("real")
    assert names() == ["real"]


def test_what_was_read_of_a_database_before_it_was_put_back_is_not_its_own_again():
    make_entity("a")
    assert names() == ["a"]
    Entity.objects.all().delete()
    versions.CatalogState.objects.all().delete()  # a new database beside the same cache
    make_entity("b")
    assert names() == ["b"]


@pytest.fixture
def known():
    """Names that were read a moment ago; one of them is gone since."""
    make_entity("checkout")
    make_entity("checkouts")
    assert suggested_refs([EntityRef.parse("component:chekcout")])
    assert match("chekcout").words == ("checkout",)
    Entity.objects.filter(name="checkout").delete()
    versions.bump()


@pytest.mark.usefixtures("known")
def test_what_is_suggested_is_there():
    missing = EntityRef.parse("component:chekcout")
    assert suggested_refs([missing]) == {str(missing): "component:default/checkouts"}
    assert [entity.name for entity in similar_entities(missing)] == ["checkouts"]


@pytest.mark.usefixtures("known")
def test_nothing_is_looked_for_instead_that_is_gone():
    SearchText.objects.filter(name="checkouts").delete()
    found = match("chekcout")
    assert (found.corrected, found.keys) == ((), ())


def test_a_dry_run_suggests_what_it_would_make_and_nobody_does_after_it(tmp_path):
    make_entity("other")
    missing = EntityRef.parse("component:checkuot")
    assert suggested_refs([missing]) == {}
    file = write(
        tmp_path / "a.yaml", component("checkout"), component("b", dependsOn=["component:checkuot"])
    )
    report = imported(file, dry_run=True)[0]
    assert any("checkout?" in notice.hint for notice in report.notices)
    assert suggested_refs([missing]) == {}
    spelling.clear()
    assert suggested_refs([missing]) == {}
