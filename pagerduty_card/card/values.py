"""The values of the card: the rows that it is made of, and what its templates print."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pagerduty_card.card.attempts import AttemptLine
from pagerduty_card.history.strip import HistoryView, Occurrence
from pagerduty_card.mapping.keys import PagingKey
from pagerduty_card.models import ChangeEvent, Incident, OnCall
from pagerduty_card.presenters.freshness import Answer, Explanation
from pagerduty_card.presenters.incidents import ChangesView, IncidentsView
from pagerduty_card.presenters.on_call import OnCallView
from pagerduty_card.presenters.states import StateView
from pagerduty_card.states import ServiceState


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceBlock:
    """One service of the card, or the reason why there is none.

    Attributes:
        key: Unique within the card; part of HTML ids.
        label: Tells several services of one entity apart; may be empty.
        verdict: Its state.
        state: The same in words, tones and icons.
        problem: Why nothing at all is known, said once instead of in every section.
        mapping_problem: A mistake in how the entity names the service, although it was found.
        all_old: What every section would say of its age, said once instead; the oldest one's.
        paging: Which integration's key pages the service, or why none does; None where the service
            is not known.
        own: How far the service itself may be believed, its status and its policy; None where that
            is known, or told elsewhere.
    """

    key: str
    title: str
    label: str
    url: str
    verdict: ServiceState
    state: StateView
    problem: Explanation | None
    incidents: IncidentsView | None = None
    changes: ChangesView | None = None
    on_call: OnCallView | None = None
    history: HistoryView | None = None
    mapping_problem: Explanation | None = None
    all_old: Answer | None = None
    paging: PagingKey | None = None
    own: Answer | None = None
    is_due: bool = True

    @property
    def ages(self) -> tuple[datetime | None, ...]:
        """When each section was last known (UTC)."""
        upcoming = self.on_call.upcoming if self.on_call else None
        sections = (self.incidents, self.changes, self.on_call, upcoming)
        return tuple(section.answer.at for section in sections if section)

    @property
    def is_calm(self) -> bool:
        """Whether it says that nothing is open, and when PagerDuty said so."""
        return bool(not self.problem and self.incidents and self.incidents.is_calm)

    @property
    def is_old(self) -> bool:
        """Whether the open incidents are those of too long ago, which it says with their age."""
        return bool(self.incidents and self.incidents.answer.is_old)

    @property
    def as_of(self) -> datetime | None:
        """When the open incidents were last known (UTC); where all is old, when the oldest was."""
        if self.all_old:
            return self.all_old.at
        return self.incidents.answer.at if self.incidents else None


@dataclass(frozen=True, slots=True, kw_only=True)
class CardView:
    """Everything the card prints.

    Attributes:
        blocks: Worst first.
        attempts: To page from this page, newest first.
        problem: Why the attempts are not known; None where they are.
    """

    blocks: tuple[ServiceBlock, ...]
    attempts: tuple[AttemptLine, ...]
    problem: Explanation | None = None

    @property
    def is_due(self) -> bool:
        """Whether a page that shows this should ask PagerDuty again."""
        return any(block.is_due for block in self.blocks)

    @property
    def is_pending(self) -> bool:
        """Whether an attempt's incident may still appear within seconds."""
        return any(attempt.is_pending for attempt in self.attempts)

    @property
    def as_of(self) -> datetime | None:
        """When the oldest answer about open incidents came (UTC); None if one never came.

        None too where the only service has it beside the reason why it is old.
        """
        if len(self.blocks) == 1 and self.blocks[0].is_old:
            return None
        instants = [block.as_of for block in self.blocks]
        return None if None in instants else min((at for at in instants if at), default=None)

    @property
    def words(self) -> str:
        """What the newest page came to, then each service's name and state, worst first."""
        if not self.blocks and self.problem:
            return "Not known"
        outcomes = [attempt.outcome.title for attempt in self.attempts[:1]]
        states = [f"{block.title}: {block.state.words}" for block in self.blocks]
        return "; ".join(outcomes + states)

    @property
    def tone(self) -> str:
        """The tone of the worst service's state; empty without one."""
        if self.blocks:
            return self.blocks[0].state.mark.tone
        return "unknown" if self.problem else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRows:
    """The stored rows of one service; None where the portal failed to load them.

    Attributes:
        incidents: Its open incidents.
        changes: Its recent changes.
        on_calls: Of its policy, with their responders loaded.
        past: Its incidents of the last days, those that ended.
    """

    incidents: Sequence[Incident] | None = ()
    changes: Sequence[ChangeEvent] | None = ()
    on_calls: Sequence[OnCall] | None = ()
    past: Sequence[Occurrence] | None = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """What a block is called.

    Attributes:
        key: Unique within the card; part of HTML ids.
        title: The service's name; its id as written or the masked key where it is not mirrored.
        label: Tells several services of one entity apart; may be empty.
        entity_name: For the subject of e-mails.
        history_url: The page with all of its history.
    """

    key: str
    title: str
    label: str
    entity_name: str
    history_url: str
