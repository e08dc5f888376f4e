"""What the trigger form shows beside its fields, under guard: the form works without it."""

import logging
from collections.abc import Sequence

from django.http import HttpRequest

from catalog.models import Entity
from pagerduty_card.card.loading import load_blocks
from pagerduty_card.labels import choices_of
from pagerduty_card.lookup import moment_of
from pagerduty_card.mapping.resolving import Mapped
from pagerduty_card.paging.presenters import PagingView, present_failure, present_paging
from pagerduty_card.presenters.freshness import Explanation

logger = logging.getLogger(__name__)


def load_services(
    request: HttpRequest, entity: Entity, mapped: Sequence[Mapped]
) -> list[PagingView]:
    """Who would be paged and what is open, for each service that can be paged."""
    choices = choices_of(mapped)
    if not choices:
        return []
    try:
        blocks = load_blocks(mapped, entity, moment_of(request))
        pageable = [block for one, block in zip(mapped, blocks, strict=True) if one.can_page]
        return [
            present_paging(block, value=value, choice=choice)
            for block, (value, choice) in zip(pageable, choices, strict=True)
        ]
    except Exception:  # whatever fails in the card must not keep anybody from paging
        logger.exception("The trigger form could not show the state of the services")
        return [present_failure(value=value, choice=choice) for value, choice in choices]


def load_problem(
    request: HttpRequest, entity: Entity, mapped: Sequence[Mapped]
) -> Explanation | None:
    """Why a service that cannot be paged is not known, if that is why."""
    try:
        blocks = load_blocks(mapped, entity, moment_of(request))
    except Exception:  # the reason alone is missing then
        logger.exception("The trigger form could not say why a service is not known")
        return None
    named = zip(mapped, blocks, strict=True)
    return next((block.problem for one, block in named if block.problem and not one.service), None)
