"""Reads a page as its reader does: its structure, its words."""

from typing import Any

from bs4 import BeautifulSoup


def soup_of(answer: Any) -> BeautifulSoup:
    """The parsed page of a response."""
    return BeautifulSoup(answer.text, "html.parser")


def words(element: Any) -> str:
    """The text of an element, with single blanks."""
    return " ".join(element.get_text(" ").split())
