"""What tests of the mapping page share: a person who may map, and the way from list to result."""

import re
from typing import Any

from django.test import Client

from tests.factories import make_user
from tests.pages import soup_of

URL = "/pagerduty/mapping/"
PERMISSION = "pagerduty_card.map_services"


def mapper(name: str = "mia") -> Client:
    """A browser of somebody who may map."""
    client = Client()
    client.force_login(make_user(name, permissions=(PERMISSION,)))
    return client


def row_of(response: Any, name: str) -> str:
    """The words of the list's row with this name; empty if there is none."""
    for row in soup_of(response).select("tbody tr"):
        if row.th and name in row.th.get_text():
            return re.sub(r"\s+", " ", row.get_text(" ")).strip()
    return ""


def names_in(response: Any) -> list[str]:
    """The first words of each row's heading."""
    return [next(iter(th.stripped_strings)) for th in soup_of(response).select("tbody th")]


def preview(client: Client, *pairs: tuple[str, str], way: str = "link") -> Any:
    """The preview of these pairs of entity and service."""
    data = {
        "pair-entity": [entity for entity, _ in pairs],
        "pair-service": [service for _, service in pairs],
        "way": way,
    }
    return client.post(f"{URL}preview/", data)


def token_of(response: Any) -> str:
    """What a preview hands on to the application; empty when there is nothing to write."""
    field = soup_of(response).select_one("input[name=preview]")
    return str(field["value"]) if field else ""


def apply(client: Client, token: str, **labels: str) -> Any:
    return client.post(f"{URL}apply/", {"preview": token, **labels})


def write(client: Client, *pairs: tuple[str, str], way: str = "link") -> Any:
    """Preview and apply; the answer of the application."""
    return apply(client, token_of(preview(client, *pairs, way=way)))
