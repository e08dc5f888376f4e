"""Reads a page as its reader does: its structure, its words."""

import functools
from typing import Any

from bs4 import BeautifulSoup


@functools.lru_cache(maxsize=4)
def parse(html: str) -> BeautifulSoup:
    """The tree of a page; whoever asks for the same page gets the same one: leave it as it is."""
    return BeautifulSoup(html, "html.parser")


def soup_of(answer: Any) -> BeautifulSoup:
    """The parsed page of a response."""
    return parse(answer.text)


def words(element: Any) -> str:
    """The text of an element, with single blanks."""
    return " ".join(element.get_text(" ").split())
