"""Which entities are the signed-in person's own."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser

from catalog import stars, versions
from catalog.graph import neighbours
from catalog.groups import below, nested
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
    """The User entity of an account: by user name, else by e-mail address. Two queries at most.

    Only of the namespace of the setting, and of the locations whose people count.
    """
    if not user.is_authenticated:
        return None
    namespace = settings.CATALOG_PEOPLE_NAMESPACE.lower()
    people = Entity.objects.of_kind(Kind.USER)
    # By the unique reference: a name in any case would be looked for in every row.
    named = people.filter(ref=f"user:{namespace}/{user.get_username().lower()}").first()
    if named is not None:
        return named if _counts(named.source) else None
    email = getattr(user, "email", "")
    if not email:
        return None
    found = people.filter(
        ref__startswith=f"user:{namespace}/", descriptor__spec__profile__email__iexact=email
    )
    return next((one for one in found.order_by("ref") if _counts(one.source)), None)


def _counts(source: str) -> bool:
    """Whether people and groups of a file or address decide who owns what.

    Whoever may write one could else make themselves a member of any group. Entities without a
    source were made in the admin, which asks for a permission.
    """
    named = settings.CATALOG_PEOPLE_LOCATIONS
    if not named or not source:
        return True
    if any(part in ("..", ".") for part in unquote(source).split("/")):
        return False
    places = (
        one if "://" in one else str(settings.BASE_DIR / Path(one).expanduser()) for one in named
    )
    return any(f"{source}/".startswith(f"{place.rstrip('/')}/") for place in places)


def _counting(refs: list[str]) -> list[str]:
    """Those of the groups that count; those that the catalog does not have, do not."""
    sources = dict(Entity.objects.filter(ref__in=refs).values_list("ref", "source"))
    return [ref for ref in refs if ref in sources and _counts(sources[ref])]


def ownership_of(
    user: AbstractBaseUser | AnonymousUser, *, version: int | None = None
) -> Ownership | None:
    """What the account's person owns; None for an account that is nobody in the catalog.

    Kept in the cache as long as neither the catalog, nor the account's name and address, nor the
    settings change.
    """
    if not user.is_authenticated:
        return None
    identity = (
        *(user.get_username(), getattr(user, "email", ""), settings.CATALOG_PEOPLE_NAMESPACE),
        *settings.CATALOG_PEOPLE_LOCATIONS,
    )
    current = versions.current() if version is None else version
    return versions.cached("ownership", identity, current, lambda: _read(user))


def _read(user: AbstractBaseUser | AnonymousUser) -> Ownership | None:
    person = person_of(user)
    if person is None:
        return None
    groups = list(neighbours(person, Relation.Type.MEMBER_OF).values_list("ref", flat=True))
    if settings.CATALOG_PEOPLE_LOCATIONS:
        groups = nested(_counting(groups), keep=_counting).refs
    else:
        groups = below(groups)
    return Ownership(
        ref=person.ref,
        name=person.name,
        title=person.title,
        owner_refs=(*groups, person.ref),
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
