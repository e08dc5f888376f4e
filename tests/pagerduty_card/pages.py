"""Where the pages of the card are."""

from typing import Any

from django.urls import reverse


def url_of(entity: Any, name: str = "card") -> str:
    """The address of a page about the entity."""
    return reverse(f"pagerduty_card:{name}", kwargs=entity.url_kwargs)
