"""What every page with a list of entities needs: its rows, and which page is asked for."""

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest

from catalog import cards
from catalog.graph import nodes_of
from catalog.models import Entity
from catalog.presenters import rows as presenters

PAGE_SIZE = 25


def list_rows(entities: Iterable[Entity]) -> dict[str, Any]:
    """The rows of a list by primary key, with what its cards say. Four queries, and the cards'.

    Args:
        entities: As ``for_list`` loads them.

    Returns:
        ``rows`` by primary key, and ``failed_cards``: the titles of cards that raised.
    """
    found = list(entities)
    badges, failed = cards.badges_of(found) if found else ({}, [])
    nodes = nodes_of(entity.owner_ref for entity in found if entity.owner_ref)
    rows = presenters.rows(found, nodes, badges)
    return {"rows": {row.entity.pk: row for row in rows}, "failed_cards": failed}


def page_number(request: HttpRequest) -> str:
    """The page asked for, as typed."""
    return request.GET.get("page", "1")
