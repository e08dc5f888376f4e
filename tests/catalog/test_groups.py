import pytest

from catalog.groups import below, nested
from tests.factories import make_entity, make_user

pytestmark = pytest.mark.django_db


def group(name, **relations):
    pairs = tuple(
        (type_, f"group:default/{target}")
        for type_, targets in relations.items()
        for target in targets
    )
    return make_entity(name, kind="Group", relations=pairs)


def refs(*names):
    return [f"group:default/{name}" for name in names]


def test_nested_groups_are_found_from_either_end():
    group("all", parentOf=["east"])
    group("east")
    group("west", childOf=["all"])
    group("north-east", childOf=["east"])
    group("elsewhere")
    assert below(refs("all")) == refs("all", "east", "west", "north-east")
    assert below(refs("north-east")) == refs("north-east")


def test_a_group_that_the_catalog_does_not_have_is_among_them_and_can_have_groups_below():
    group("all", parentOf=["gone"])
    group("left-over", childOf=["gone"])
    assert below(refs("all")) == refs("all", "gone", "left-over")


def test_groups_in_a_circle_are_each_found_once(django_assert_num_queries):
    group("a", parentOf=["b"], childOf=["b"])
    group("b", parentOf=["a"])
    with django_assert_num_queries(2):
        assert below(refs("a")) == refs("a", "b")


def test_asks_once_a_level_however_many_groups(django_assert_num_queries):
    for number in range(40):
        group(f"team-{number:02}", childOf=["all"])
        group(f"squad-{number:02}", childOf=[f"team-{number:02}"])
    group("all")
    with django_assert_num_queries(3):
        assert len(below(refs("all"))) == 81


def test_a_chain_deeper_than_twenty_levels_is_cut_and_says_so(client):
    for number in range(22):
        group(f"g{number:02}", childOf=[f"g{number - 1:02}"] if number else [])
    assert len(below(refs("g00"))) == 21
    assert (nested(refs("g00")).is_cut, nested(refs("g01")).is_cut) == (True, False)

    client.force_login(make_user())
    for tab in ("members", "ownership"):
        said = "groups more than 20 levels below"
        assert said in client.get(f"/catalog/default/group/g00/{tab}/").text
        assert said not in client.get(f"/catalog/default/group/g01/{tab}/").text


def test_nothing_is_below_nothing(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert below([]) == []
