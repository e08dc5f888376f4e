"""A person's rights and their groups' rights, asked for together."""

import pytest
from django.contrib.auth.models import Group, Permission, User

pytestmark = pytest.mark.django_db


def right(codename):
    return Permission.objects.get(codename=codename)


def again(user):
    return User.objects.get(pk=user.pk)


@pytest.fixture
def ana():
    user = User.objects.create_user("ana")
    user.user_permissions.add(right("view_entity"))
    group = Group.objects.create(name="editors")
    group.permissions.add(right("change_entity"), right("view_entity"))
    user.groups.add(group)
    return user


def test_own_rights_and_those_of_groups_count_and_no_others(ana):
    assert again(ana).get_all_permissions() == {"catalog.view_entity", "catalog.change_entity"}
    assert not again(ana).has_perm("catalog.delete_entity")


def test_all_questions_of_a_request_cost_one_query(ana, django_assert_num_queries):
    user = again(ana)
    with django_assert_num_queries(1):
        assert user.has_perm("catalog.view_entity")
        assert user.has_perm("catalog.change_entity")
        assert not user.has_perm("catalog.add_entity")


def test_a_dismissed_person_has_no_rights(ana):
    ana.is_active = False
    ana.save()
    assert not again(ana).has_perm("catalog.view_entity")


def test_a_superuser_has_every_right():
    assert User.objects.create_superuser("root").has_perm("catalog.delete_entity")
