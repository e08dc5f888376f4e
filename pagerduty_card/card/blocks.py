"""The PagerDuty card as a whole: rows of the mirror and an instant in, frozen view models out.

Pure: nothing here queries, calls or reads settings. The sections live beside it:
``presenters.freshness`` (the three answers), ``presenters.incidents``, ``presenters.on_call``.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

from pagerduty_card.card.attempts import AttemptLine, present_attempt
from pagerduty_card.card.escalation import name_the_next_level
from pagerduty_card.card.faults import CardPart, explain_failure, failure_of, guarded
from pagerduty_card.card.values import CardView, Heading, ServiceBlock, ServiceRows
from pagerduty_card.freshness import NOT_FOUND, Freshness
from pagerduty_card.history.loading import ON_CARD, view_of
from pagerduty_card.history.strip import HistoryView
from pagerduty_card.mapping.resolving import Mapped, ProblemKind
from pagerduty_card.mirror.rota import SHIFTS_AHEAD
from pagerduty_card.models import Feed, Service, TriggeredIncident
from pagerduty_card.presenters.freshness import (
    Answer,
    Explanation,
    Moment,
    explain,
    present_answer,
)
from pagerduty_card.presenters.incidents import (
    ChangesView,
    IncidentsView,
    present_changes,
    present_incidents,
)
from pagerduty_card.presenters.on_call import OnCallView, present_on_call
from pagerduty_card.presenters.states import NOT_KNOWN, present_state
from pagerduty_card.states import NOTHING_KNOWN, IncidentCounts, service_state

Answers = Mapping[str, Answer]


def present_block(
    mapped: Mapped, rows: ServiceRows, heading: Heading, moment: Moment
) -> ServiceBlock:
    """Build one service's block; a section that fails leaves the others alone.

    Args:
        mapped: The service as far as the mirror has it.
        rows: Its rows.
        heading: What it is called.
        moment: Who reads, when, and in which zone.
    """
    return guarded(
        CardPart.STATE,
        partial(_present_block, mapped, rows, heading, moment),
        lambda _: present_problem(heading, explain_failure(CardPart.STATE)),
    )


def _present_block(
    mapped: Mapped, rows: ServiceRows, heading: Heading, moment: Moment
) -> ServiceBlock:
    service = mapped.service
    if service is None:
        return present_problem(heading, explain_problem(mapped, moment))
    answers = _answers(mapped, service, rows, moment)
    services = answers[Feed.Kind.SERVICES]
    incidents = guarded(
        CardPart.INCIDENTS,
        lambda: present_incidents(rows.incidents or (), answers[Feed.Kind.INCIDENTS]),
        IncidentsView.unknown,
    )
    on_call = guarded(
        CardPart.ON_CALL,
        lambda: _on_call(mapped, rows, answers, heading, incidents, moment),
        OnCallView.unknown,
    )
    changes = guarded(
        CardPart.CHANGES,
        lambda: _changes(mapped, rows, answers, incidents, moment),
        ChangesView.unknown,
    )
    history = guarded(
        CardPart.HISTORY,
        lambda: _history(mapped, service, rows, answers, moment, heading.history_url),
        lambda failure: HistoryView(days=ON_CARD, answer=failure, url=heading.history_url),
    )
    verdict = service_state(
        status=service.status,
        maintenance_until=service.maintenance_until,
        counts=IncidentCounts.of(row.status for row in rows.incidents or ()),
        service=services,
        incidents=incidents.answer,
        now=moment.now,
    )
    state = guarded(
        CardPart.STATE, lambda: present_state(verdict, incidents.by_status), lambda _: NOT_KNOWN
    )
    sections = (incidents.answer, changes.answer, on_call.answer)
    all_old = _one_age(sections)
    is_explained = (
        services.is_known
        or _gone(services)
        or (all_old and all_old.explanation == services.explanation)
    )
    own = None if is_explained else services
    if state is NOT_KNOWN:
        own = failure_of(CardPart.STATE)
    problem = explain_problem(mapped, moment) if mapped.problem else None
    return ServiceBlock(
        key=heading.key,
        title=heading.title,
        label=heading.label,
        url=service.url,
        verdict=verdict,
        state=state,
        # Nothing open, of a service that is gone, is no answer: only open incidents still tell.
        problem=_one_reason(sections, services) or (None if incidents.lines else _gone(services)),
        incidents=guarded(
            CardPart.NEXT_LEVEL,
            lambda: name_the_next_level(incidents, on_call),
            lambda _: incidents,
        ),
        changes=changes,
        on_call=on_call,
        history=history,
        mapping_problem=problem or (_gone(services) if incidents.lines else None),
        all_old=all_old,
        paging=mapped.paging,
        own=own,
        is_due=any(answers[kind].is_due for kind in Feed.OF_PAGE),
    )


def _on_call(
    mapped: Mapped,
    rows: ServiceRows,
    answers: Answers,
    heading: Heading,
    incidents: IncidentsView,
    moment: Moment,
) -> OnCallView:
    return present_on_call(
        mapped.service.policy if mapped.service else None,
        rows.on_calls or (),
        answers[Feed.Kind.ON_CALL],
        subject=mail_subject(heading.entity_name, incidents),
        moment=moment,
        shifts=answers[Feed.Kind.SHIFTS],
        shifts_until=shifts_until(mapped.freshness[Feed.Kind.SHIFTS]),
    )


def _changes(
    mapped: Mapped, rows: ServiceRows, answers: Answers, incidents: IncidentsView, moment: Moment
) -> ChangesView:
    return present_changes(
        rows.changes or (),
        incidents,
        answers[Feed.Kind.CHANGES],
        covers_since=_covered_since(mapped.freshness[Feed.Kind.CHANGES], moment.now),
    )


def _history(
    mapped: Mapped, service: Service, rows: ServiceRows, answers: Answers, moment: Moment, url: str
) -> HistoryView:
    return view_of(
        service,
        rows.past or (),
        rows.incidents or (),
        answers,
        acknowledged_since=mapped.freshness[Feed.Kind.ACKNOWLEDGEMENTS].covers_since,
        days=ON_CARD,
        moment=moment,
        url=url,
    )


def _answers(mapped: Mapped, service: Service, rows: ServiceRows, moment: Moment) -> Answers:
    """How far each section may be believed, by ``Feed.Kind``."""
    kinds = Feed.Kind
    answers = {kind.value: present_answer(kind, mapped.freshness[kind], moment) for kind in kinds}
    answers[kinds.SERVICES] = _placed(answers[kinds.SERVICES], mapped.target.place)
    if _gone(answers[kinds.SERVICES]):
        # A policy tells whom a service pages, and there is none.
        answers[kinds.ON_CALL] = Answer.unknown(_GONE)
    elif service.policy is None and not answers[kinds.ON_CALL].is_unknown:
        answers[kinds.ON_CALL] = Answer.unknown(NO_POLICY)
    if rows.incidents is None:
        answers[kinds.INCIDENTS] = failure_of(CardPart.INCIDENTS)
    if rows.changes is None:
        answers[kinds.CHANGES] = failure_of(CardPart.CHANGES)
    if rows.on_calls is None:
        answers[kinds.ON_CALL] = failure_of(CardPart.ON_CALL)
    if rows.past is None:
        answers[kinds.HISTORY] = failure_of(CardPart.HISTORY)
    return answers


def shifts_until(shifts: Freshness) -> datetime | None:
    """How far ahead the coming shifts are known (UTC), in whole days: it is a day's claim."""
    return _midnight(shifts.asked_at + SHIFTS_AHEAD) if shifts.asked_at else None


def _covered_since(changes: Freshness, now: datetime) -> datetime | None:
    """How far back the changes reach (UTC), in whole days where that is long ago.

    It moves with every answer, and a card that says the same is not to be drawn again for that.
    """
    since = changes.covers_since
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


def present_problem(heading: Heading, problem: Explanation) -> ServiceBlock:
    """Build the block of a service of which nothing is known, for one reason."""
    return ServiceBlock(
        key=heading.key,
        title=heading.title,
        label=heading.label,
        url="",
        verdict=NOTHING_KNOWN,
        state=NOT_KNOWN,
        problem=problem,
    )


def explain_problem(mapped: Mapped, moment: Moment) -> Explanation:
    """Why a service is not known, or what is wrong with how it is named."""
    problem = mapped.problem
    if problem is None:
        services = Feed.Kind.SERVICES
        answer = present_answer(services, mapped.freshness[services], moment)
        return answer.explanation or explain("not_asked", reader=moment.reader)
    if problem.kind is ProblemKind.NOT_CONFIGURED:
        return explain("not_configured", problem.text, reader=moment.reader)
    return Explanation(
        reason=problem.kind,
        why=problem.text,
        advice=problem.advice,
        place=problem.place,
    )


def present_card(
    blocks: Iterable[ServiceBlock], attempts: Iterable[TriggeredIncident] | None, *, now: datetime
) -> CardView:
    """Put the blocks in order, worst first, and the attempts worth telling, newest first.

    Args:
        blocks: Of ``present_block``.
        attempts: To page from this page; None where the portal failed to load them.
        now: The instant of reading, in the reader's zone.
    """
    ordered = tuple(sorted(blocks, key=lambda block: (block.verdict.rank, block.title)))
    listed = {line.number for block in ordered if block.incidents for line in block.incidents.lines}
    lines: tuple[AttemptLine, ...] | None = None
    if attempts is not None:
        lines = guarded(
            CardPart.ATTEMPTS,
            lambda: tuple(line for row in attempts if (line := present_attempt(row, listed, now))),
            lambda _: None,
        )
    return CardView(
        blocks=ordered,
        attempts=lines or (),
        problem=explain_failure(CardPart.ATTEMPTS) if lines is None else None,
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
