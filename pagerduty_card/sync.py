"""PagerDuty to mirror: one service, a whole account, or what a page needs now."""

from catalog.models import Entity


def refresh_for_page(entity: Entity) -> None:
    """Refresh the mirror of the entity's services if it is old; bounded, never fails."""
    raise NotImplementedError
