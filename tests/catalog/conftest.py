from tests.catalog.pages import no_cards
from tests.catalog.queue import queue

__all__ = ["no_cards", "queue"]
