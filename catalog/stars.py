"""Who keeps which entities at hand.

A star is tied to the reference: it is there again when an entity that went away comes back.
"""

from collections.abc import Iterable

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser

from catalog.models import Entity, Star


def put(user: AbstractBaseUser | AnonymousUser, entity: Entity, *, is_starred: bool) -> None:
    """Put the user's star on the entity, or take it off; what is so already stays so."""
    if is_starred:
        Star.objects.get_or_create(user_id=_key(user), entity_id=entity.ref)
    else:
        Star.objects.filter(user_id=_key(user), entity_id=entity.ref).delete()


def refs_of(user: AbstractBaseUser | AnonymousUser) -> list[str]:
    """The references the user has starred, the newest first; some may not exist just now."""
    if not user.is_authenticated:
        return []
    own = Star.objects.filter(user_id=_key(user)).order_by("-created_at", "-pk")
    return [str(ref) for ref in own.values_list("entity_id", flat=True)]


def among(user: AbstractBaseUser | AnonymousUser, entities: Iterable[Entity]) -> set[str]:
    """The references of those entities that the user has starred. One query."""
    refs = [entity.ref for entity in entities]
    if not refs or not user.is_authenticated:
        return set()
    own = Star.objects.filter(user_id=_key(user), entity_id__in=refs)
    return {str(ref) for ref in own.values_list("entity_id", flat=True)}


def _key(user: AbstractBaseUser | AnonymousUser) -> int:
    return int(user.pk or 0)
