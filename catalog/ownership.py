"""Which entities are the signed-in person's own."""

from dataclasses import dataclass

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser

from catalog import stars, versions
from catalog.graph import neighbours
from catalog.groups import below
from catalog.kinds import Kind
from catalog.models import Entity, EntityQuerySet, Relation
from catalog.search.filters import IndexReader


@dataclass(frozen=True, slots=True, kw_only=True)
class Ownership:
    """A person of the catalog, and whose entities are theirs.

    Attributes:
        ref, name, title: Of the person, as written; ``ref`` is canonical.
        owner_refs: The person, the person's groups and every group below them, canonical.
    """

    ref: str
    name: str
    title: str
    owner_refs: tuple[str, ...]

    @property
    def entities(self) -> EntityQuerySet:
        """The entities that the person or one of the person's groups owns."""
        return Entity.objects.filter(owner_ref__in=self.owner_refs)


def person_of(user: AbstractBaseUser | AnonymousUser) -> Entity | None:
    """The User entity of an account: by user name, else by e-mail address. Three queries at most.

    Of several people with one name the one in the first namespace is taken.
    """
    if not user.is_authenticated:
        return None
    people = Entity.objects.of_kind(Kind.USER).order_by("namespace")
    namespaces = people.values_list("namespace", flat=True).distinct()
    name = user.get_username().lower()
    # By the unique reference: a name in any case would be looked for in every row.
    refs = [f"user:{namespace.lower()}/{name}" for namespace in namespaces]
    if found := people.filter(ref__in=refs).first():
        return found
    email = getattr(user, "email", "")
    return people.filter(descriptor__spec__profile__email__iexact=email).first() if email else None


def ownership_of(
    user: AbstractBaseUser | AnonymousUser, *, version: int | None = None
) -> Ownership | None:
    """What the account's person owns; None for an account that is nobody in the catalog.

    Kept in the cache as long as neither the catalog nor the account's name and address change.
    """
    if not user.is_authenticated:
        return None
    identity = (user.get_username(), getattr(user, "email", ""))
    current = versions.current() if version is None else version
    return versions.cached("ownership", identity, current, lambda: _read(user))


def _read(user: AbstractBaseUser | AnonymousUser) -> Ownership | None:
    person = person_of(user)
    if person is None:
        return None
    groups = neighbours(person, Relation.Type.MEMBER_OF).values_list("ref", flat=True)
    return Ownership(
        ref=person.ref,
        name=person.name,
        title=person.title,
        owner_refs=(*below(groups), person.ref),
    )


def reader_of(user: AbstractBaseUser | AnonymousUser, *, version: int | None = None) -> IndexReader:
    """Whose entities the index's filters "starred" and "owned" mean."""
    if not user.is_authenticated:
        return IndexReader()
    ownership = ownership_of(user, version=version)
    return IndexReader(
        is_known=True,
        starred=tuple(stars.refs_of(user)),
        owner_refs=ownership.owner_refs if ownership else (),
    )
