"""Which entities are the signed-in person's own."""

from dataclasses import dataclass

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser

from catalog.graph import neighbours
from catalog.kinds import Kind
from catalog.models import Entity, Relation
from catalog.querysets import EntityQuerySet


@dataclass(frozen=True, slots=True, kw_only=True)
class Ownership:
    """A person of the catalog, and whose entities are theirs.

    Attributes:
        owner_refs: The person's groups and the person, as canonical references.
    """

    person: Entity
    owner_refs: tuple[str, ...]

    @property
    def entities(self) -> EntityQuerySet:
        """The entities that the person or one of the person's groups owns."""
        return Entity.objects.filter(owner_ref__in=self.owner_refs)


def person_of(user: AbstractBaseUser | AnonymousUser) -> Entity | None:
    """The User entity of an account: by user name, else by e-mail address. Two queries at most."""
    if not user.is_authenticated:
        return None
    people = Entity.objects.of_kind(Kind.USER).order_by("namespace")
    # "default" sorts before most; of several people with one name the first is taken.
    if found := people.filter(name__iexact=user.get_username()).first():
        return found
    email = getattr(user, "email", "")
    return people.filter(descriptor__spec__profile__email__iexact=email).first() if email else None


def ownership_of(user: AbstractBaseUser | AnonymousUser) -> Ownership | None:
    """What the account's person owns; None for an account that is nobody in the catalog."""
    person = person_of(user)
    if person is None:
        return None
    groups = neighbours(person, Relation.Type.MEMBER_OF).values_list("ref", flat=True)
    return Ownership(person=person, owner_refs=(*groups, person.ref))
