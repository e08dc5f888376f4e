"""The PagerDuty card as a whole: rows of the mirror and an instant in, frozen view models out.

Pure: nothing here queries, calls or reads settings. The sections live beside it:
``presenters.freshness`` (the three answers), ``presenters.incidents``, ``presenters.on_call``.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from pagerduty_card.card.attempts import AttemptLine, present_attempt
from pagerduty_card.card.escalation import name_the_next_level
from pagerduty_card.freshness import NOT_FOUND, Freshness
from pagerduty_card.history.strip import HistoryView
from pagerduty_card.mirror.rota import SHIFTS_AHEAD
from pagerduty_card.models import ChangeEvent, Feed, Incident, OnCall, Service, TriggeredIncident
from pagerduty_card.presenters.freshness import (
    Answer,
    Explanation,
    Moment,
    present_answer,
)
from pagerduty_card.presenters.incidents import (
    ChangesView,
    IncidentsView,
    present_changes,
    present_incidents,
)
from pagerduty_card.presenters.on_call import OnCallView, present_on_call
from pagerduty_card.presenters.states import StateView, present_state
from pagerduty_card.states import NOTHING_KNOWN, IncidentCounts, ServiceState, service_state


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceBlock:
    """One service of the card, or the reason why there is none.

    Attributes:
        key: Unique within the card; part of HTML ids.
        label: Tells several services of one entity apart; may be empty.
        verdict: Its state.
        problem: Why nothing at all is known, said once instead of in every section.
        mapping_problem: A mistake in how the entity names the service, although it was found.
        all_old: What every section would say of its age, said once instead; the oldest one's.
        own: How far the service itself may be believed, its status and its policy; None where that
            is known, or told elsewhere.
    """

    key: str
    title: str
    label: str
    url: str
    verdict: ServiceState
    problem: Explanation | None
    incidents: IncidentsView | None = None
    changes: ChangesView | None = None
    on_call: OnCallView | None = None
    history: HistoryView | None = None
    mapping_problem: Explanation | None = None
    all_old: Answer | None = None
    own: Answer | None = None
    is_due: bool = True

    @property
    def state(self) -> StateView:
        """Its state in words, tones and icons."""
        return present_state(self.verdict, self.incidents.by_status if self.incidents else None)

    @property
    def ages(self) -> tuple[datetime | None, ...]:
        """When each section was last known (UTC)."""
        prospect = self.on_call.prospect if self.on_call else None
        sections = (self.incidents, self.changes, self.on_call, prospect)
        return tuple(section.answer.at for section in sections if section)

    @property
    def is_calm(self) -> bool:
        """Whether it says that nothing is open, and when PagerDuty said so."""
        return bool(not self.problem and self.incidents and self.incidents.is_calm)

    @property
    def as_of(self) -> datetime | None:
        """When the open incidents were last known (UTC)."""
        return self.incidents.answer.at if self.incidents else None


@dataclass(frozen=True, slots=True, kw_only=True)
class CardView:
    """Everything the card prints.

    Attributes:
        blocks: Worst first.
        is_due: Something is old enough to ask PagerDuty again.
    """

    blocks: tuple[ServiceBlock, ...]
    attempts: tuple[AttemptLine, ...]

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
        """When the oldest answer about open incidents came (UTC); None if one never came."""
        instants = [block.as_of for block in self.blocks]
        return None if None in instants else min((at for at in instants if at), default=None)

    @property
    def words(self) -> str:
        """Name and state of each service in words alone, worst first."""
        return "; ".join(f"{block.title}: {block.state.words}" for block in self.blocks)

    @property
    def worst(self) -> StateView | None:
        """The worst service's state."""
        return self.blocks[0].state if self.blocks else None


def present_block(
    service: Service,
    *,
    incidents: Iterable[Incident],
    changes: Iterable[ChangeEvent],
    on_calls: Iterable[OnCall],
    history: HistoryView | None = None,
    freshness: Mapping[str, Freshness],
    entity_name: str,
    label: str,
    mapping_problem: Explanation | None,
    place: str = "",
    moment: Moment,
) -> ServiceBlock:
    """Build one service's block; one section's failure leaves the others alone.

    Args:
        service: The mirrored service with its policy loaded.
        incidents: Its open incidents.
        changes: Its recent changes.
        on_calls: Rows of its policy with their responders loaded.
        history: Its last days; None where they are not shown.
        freshness: What the mirror knows of each section, by ``Feed.Kind``.
        entity_name: For the subject of e-mails.
        label: Tells several services of one entity apart.
        mapping_problem: A mistake in how it was named.
        place: Where it was named, for example ``teams/a.yaml:12``.
        moment: Who reads, when, and in which zone.
    """
    answers = {kind: present_answer(kind, freshness[kind], moment) for kind in Feed.Kind.values}
    services = _placed(answers[Feed.Kind.SERVICES], place)
    rows = list(incidents)
    shown_incidents = present_incidents(rows, answers[Feed.Kind.INCIDENTS])
    on_call = answers[Feed.Kind.ON_CALL]
    if _gone(services):
        on_call = Answer.unknown(_GONE)  # a policy tells whom a service pages, and there is none
    elif service.policy is None and not on_call.is_unknown:
        on_call = Answer.unknown(NO_POLICY)
    sections = (shown_incidents.answer, answers[Feed.Kind.CHANGES], on_call)
    shown_on_call = present_on_call(
        service.policy,
        list(on_calls),
        on_call,
        subject=mail_subject(entity_name, shown_incidents),
        moment=moment,
        shifts=answers[Feed.Kind.SHIFTS],
        shifts_until=shifts_until(freshness[Feed.Kind.SHIFTS]),
    )
    all_old = _one_age(sections)
    is_told = (
        services.is_known
        or _gone(services)
        or (all_old and all_old.explanation == services.explanation)
    )
    return ServiceBlock(
        key=f"{service.account}-{service.pd_id}",
        title=service.name,
        label=label,
        url=service.url,
        verdict=service_state(
            status=service.status,
            maintenance_until=service.maintenance_until,
            counts=IncidentCounts.of(row.status for row in rows),
            service=services,
            incidents=answers[Feed.Kind.INCIDENTS],
            now=moment.now,
        ),
        # Nothing open, of a service that is gone, is no answer: only open incidents still tell.
        problem=_one_reason(sections, services)
        or (None if shown_incidents.lines else _gone(services)),
        incidents=name_the_next_level(shown_incidents, shown_on_call),
        changes=present_changes(
            list(changes),
            shown_incidents,
            answers[Feed.Kind.CHANGES],
            covers_since=_covered_since(freshness[Feed.Kind.CHANGES].covers_since, moment.now),
        ),
        on_call=shown_on_call,
        history=history,
        mapping_problem=mapping_problem or (_gone(services) if shown_incidents.lines else None),
        all_old=all_old,
        own=None if is_told else services,
        is_due=any(answers[kind].is_due for kind in Feed.OF_PAGE),
    )


def shifts_until(shifts: Freshness) -> datetime | None:
    """How far ahead the coming shifts are known (UTC), in whole days: it is a day's claim."""
    return _midnight(shifts.asked_at + SHIFTS_AHEAD) if shifts.asked_at else None


def _covered_since(since: datetime | None, now: datetime) -> datetime | None:
    """How far back the changes reach (UTC), in whole days where that is long ago.

    It moves with every answer, and a card that says the same is not to be drawn again for that.
    """
    if since is None or now - since < _LONG_AGO:
        return since
    return _midnight(since + timedelta(days=1))


def _midnight(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


_LONG_AGO = timedelta(days=2)


def _placed(services: Answer, place: str) -> Answer:
    """The answer with the place to correct, where PagerDuty denies the service."""
    explanation = services.explanation
    if explanation is None or not services.is_not_found:
        return services
    return replace(services, explanation=replace(explanation, place=place))


def _gone(services: Answer) -> Explanation | None:
    """What to say of a service that PagerDuty denies and the mirror still has."""
    return services.explanation if services.is_not_found else None


def present_problem(*, key: str, title: str, label: str, problem: Explanation) -> ServiceBlock:
    """Build the block of a service that the mirror does not have.

    Args:
        key: Unique within the card.
        title: The id as written, or the masked key; never a whole key.
        label: Tells several services of one entity apart.
        problem: Why there is no service.
    """
    return ServiceBlock(
        key=key,
        title=title,
        label=label,
        url="",
        verdict=NOTHING_KNOWN,
        problem=problem,
    )


def present_card(
    blocks: Iterable[ServiceBlock], attempts: Iterable[TriggeredIncident], *, now: datetime
) -> CardView:
    """Put the blocks in order, worst first, and the attempts worth telling, newest first."""
    ordered = tuple(sorted(blocks, key=lambda block: (block.verdict.rank, block.title)))
    listed = {line.number for block in ordered if block.incidents for line in block.incidents.lines}
    return CardView(
        blocks=ordered,
        attempts=tuple(line for row in attempts if (line := present_attempt(row, listed, now))),
    )


def mail_subject(entity_name: str, incidents: IncidentsView | None) -> str:
    """The subject of an e-mail to somebody on call: the entity, and its worst open incident."""
    if incidents is None or not incidents.lines:
        return entity_name
    worst = incidents.lines[0]
    return f"{entity_name}: #{worst.number} {worst.title}"


_GONE = Explanation(
    reason=NOT_FOUND,
    why="PagerDuty denies the service: nobody is known to be paged for it.",
    advice="",
)
NO_POLICY = Explanation(
    reason="no_policy",
    why="PagerDuty named no escalation policy for this service.",
    advice="Refresh to ask again, or look at the service in PagerDuty.",
)


def _one_reason(sections: Sequence[Answer], services: Answer) -> Explanation | None:
    """The one reason for which no section is known; None if any is, or the reasons differ."""
    if not all(section.is_unknown for section in sections):
        return None
    if services.is_not_found:
        return services.explanation
    reasons = {section.explanation for section in sections}
    return reasons.pop() if len(reasons) == 1 else None


def _one_age(sections: Sequence[Answer]) -> Answer | None:
    """The oldest section, if all are old for the same reason; None otherwise."""
    if not all(section.is_old for section in sections):
        return None
    if len({section.explanation for section in sections}) != 1:
        return None
    return min(sections, key=lambda section: section.at or datetime.max.replace(tzinfo=UTC))
