"""What every page with a list of entities needs: its rows, and which page is asked for."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.core.paginator import Paginator
from django.http import HttpRequest

from catalog import cards, stars
from catalog.graph import nodes_of
from catalog.masking import Masker
from catalog.models import Annotation, Entity
from catalog.presenters import rows as presenters
from catalog.search.filters import PAGE_SIZE
from catalog.secrets import is_secret

__all__ = ["PAGE_SIZE", "CountedPaginator", "entities_of", "list_rows", "maskers", "page_number"]


class CountedPaginator(Paginator[Any]):
    """Pages of rows that were counted elsewhere already."""

    def __init__(self, rows: Any, per_page: int, *, total: int) -> None:
        """Take the number of rows instead of asking for it."""
        super().__init__(rows, per_page)
        self.count = total


def list_rows(
    entities: Iterable[Entity], user: AbstractBaseUser | AnonymousUser | None = None
) -> dict[str, Any]:
    """The rows of a list, with what its cards say. Three queries, and the cards'.

    Args:
        entities: As ``for_list`` loads them.
        user: Whose stars the rows show; without one they show none.

    Returns:
        ``rows`` by primary key, and ``failed_cards``: the titles of cards that raised.
    """
    found = list(entities)
    badges, failed = cards.badges_of(found) if found else ({}, [])
    refs = {entity.owner_ref for entity in found} | {entity.system_ref for entity in found}
    rows = presenters.rows(
        found,
        nodes_of(refs - {""}),
        badges,
        maskers=maskers(found),
        starred=stars.among(user, found) if user else set(),
    )
    return {"rows": {row.entity.pk: row for row in rows}, "failed_cards": failed}


def entities_of(keys: Sequence[int]) -> list[Entity]:
    """The entities of one page of primary keys, in their order, as lists need them."""
    found = {entity.pk: entity for entity in Entity.objects.for_list().filter(pk__in=keys)}
    return [found[key] for key in keys if key in found]


def page_number(request: HttpRequest) -> str:
    """The page asked for, as typed."""
    return request.GET.get("page", "1")


def maskers(entities: Sequence[Entity]) -> dict[int, Masker]:
    """What hides the secrets of those that have any, by primary key. One query.

    From the annotation rows: lists do not load descriptors. What an overlay hides is a secret too.
    """
    described = [entity.pk for entity in entities if entity.description or entity.title]
    in_force: dict[int, dict[str, str]] = {}
    rows = Annotation.objects.filter(entity_id__in=described).exclude(value="")
    for pk, key, value in rows.values_list("entity_id", "key", "value"):
        if is_secret(key):
            in_force.setdefault(pk, {})[key] = value
    before = {
        entity.pk: (entity.written.get("metadata") or {}).get("annotations") or {}
        for entity in entities
        if entity.written
    }
    return {
        pk: Masker.of_annotations(in_force.get(pk, {}), before.get(pk, {}))
        for pk in in_force.keys() | before.keys()
    }
