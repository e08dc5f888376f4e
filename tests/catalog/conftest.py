from tests.catalog.pages import no_cards

__all__ = ["no_cards"]
