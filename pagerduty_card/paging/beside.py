"""What the trigger form shows beside its fields: who would be paged, and what is open.

Under guard: the form works without it.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from django.http import HttpRequest

from catalog.models import Entity
from pagerduty_card.card.loading import load_blocks
from pagerduty_card.card.values import ServiceBlock
from pagerduty_card.characters import isolated
from pagerduty_card.labels import choices_of
from pagerduty_card.lookup import moment_of
from pagerduty_card.mapping.resolving import Mapped
from pagerduty_card.paging.cautions import Caution, present_unknown, present_warnings
from pagerduty_card.presenters.freshness import Explanation
from pagerduty_card.presenters.incidents import IncidentLine
from pagerduty_card.presenters.on_call import PersonOnCall

logger = logging.getLogger(__name__)

_UNKNOWN = "It is not known who would be paged."


@dataclass(frozen=True, slots=True, kw_only=True)
class PagingView:
    """What is known of one service that the form can page.

    Attributes:
        value: The form's value for it.
        choice: Its name in the form's list of choices.
        who: Those PagerDuty would page at once; empty if nobody, or if it is not known.
        sentence: The same in words.
        open_incidents: What may be the same problem, worst first.
    """

    value: str
    choice: str
    service_url: str
    who: tuple[PersonOnCall, ...]
    sentence: str
    warnings: tuple[Caution, ...]
    open_incidents: tuple[IncidentLine, ...]


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


def present_paging(block: ServiceBlock, *, value: str, choice: str) -> PagingView:
    """Say whom one service would page, and warn of what would make the page useless or double."""
    on_call = block.on_call
    return PagingView(
        value=value,
        choice=choice,
        service_url=block.url,
        who=on_call.paged_first if on_call else (),
        sentence=_sentence(block),
        warnings=present_warnings(block),
        open_incidents=block.incidents.lines if block.incidents else (),
    )


def present_failure(*, value: str, choice: str) -> PagingView:
    """Say of one service that the portal failed to find out whom it would page."""
    return PagingView(
        value=value,
        choice=choice,
        service_url="",
        who=(),
        sentence=_UNKNOWN,
        warnings=(
            present_unknown(
                "The portal failed to load it; its log has the reason. You can still page."
            ),
        ),
        open_incidents=(),
    )


def _sentence(block: ServiceBlock) -> str:
    on_call = block.on_call
    names = " and ".join(isolated(one.name) for one in on_call.paged_first) if on_call else ""
    if held_back := block.state.held_back:
        return f"Pages nobody: the service is {held_back}.{f' On call: {names}.' if names else ''}"
    if on_call is None or on_call.is_paging_unknown:
        return _UNKNOWN
    is_old = on_call.answer.is_old or block.own  # what the service's policy is, is old too
    last = ", as PagerDuty last said" if is_old else ""
    if on_call.is_nobody:
        return f"Nobody is on call{last}: PagerDuty would page nobody."
    level = on_call.paged_level
    rule = f": nobody is on call before level {level}" if level > 1 else ", by PagerDuty's rules"
    return f"Pages {names}{last or f' now{rule}'}."
