"""Why is this card empty? From an entity's annotation to the age of each section.

Reads catalog and mirror, and asks PagerDuty nothing.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from catalog.models import Entity
from catalog.refs import EntityRef, InvalidRefError
from pagerduty_card.doctor.findings import READER, START_WORKER, Finding, Step, Verdict, step
from pagerduty_card.freshness import NOT_ASKED
from pagerduty_card.mapping import resolving
from pagerduty_card.mapping.resolving import Mapped
from pagerduty_card.models import Feed
from pagerduty_card.presenters.freshness import Moment, explain, present_answer
from portal.secret_shapes import mask


def examine_entity(ref: str, now: datetime) -> list[Finding]:
    """Why an entity's card is empty: from its annotation to the age of each section.

    Args:
        ref: As people write it; a name alone is a component.
        now: The instant (UTC).

    Returns:
        First how the entity names its services, then each service.
    """
    entity, steps = _find_entity(ref)
    if entity is None:
        return [Finding(title=f"Entity {ref[:200]}", key="entity", steps=tuple(steps))]
    targets = resolving.targets_of(entity)
    steps.append(_names_a_service(entity, targets))
    found = [Finding(title=f"Entity {entity.ref}", key="entity", steps=tuple(steps))]
    for number, mapped in enumerate(resolving.each_once(resolving.resolve(targets)), start=1):
        target = mapped.target
        named = mapped.service_pd_id or f"integration key {mask(target.integration_key)}"
        found.append(
            Finding(
                title=f"{named} of account {target.account}",
                key=f"service-{number}",
                steps=tuple(_service_steps(mapped, now)),
            )
        )
    return found


def _find_entity(text: str) -> tuple[Entity | None, list[Step]]:
    try:
        ref = EntityRef.parse(text.strip(), default_kind="component")
    except InvalidRefError:
        return None, [
            step(
                "Reference",
                Verdict.WRONG,
                "This is no reference to an entity.",
                "Write kind:namespace/name, for example component:default/checkout-api.",
            )
        ]
    entity = None if "\x00" in text else Entity.objects.filter(ref=str(ref)).first()
    if entity:
        place = entity.source_place or "the admin"
        return entity, [step("Entity", Verdict.OK, f"{entity.ref}, written in {place}.")]
    others = ""
    if "\x00" not in text:  # PostgreSQL refuses it in a query
        same = Entity.objects.filter(ref__endswith=f"/{ref.name}").values_list("ref", flat=True)
        others = ", ".join(same[:3])
    return None, [
        step(
            "Entity",
            Verdict.WRONG,
            f"The catalog has no {ref}." + (f" It has {others}." if others else ""),
            "Correct the reference, or have the entity's descriptor imported.",
        )
    ]


def _names_a_service(entity: Entity, targets: Sequence[resolving.Target]) -> Step:
    if not targets:
        return step(
            "Annotation",
            Verdict.WRONG,
            "The entity names no PagerDuty service, so it has no card.",
            f"Write {resolving.SERVICE_ID} or {resolving.INTEGRATION_KEY} into its annotations, or "
            "link a service to it in the admin.",
        )
    annotations = entity.annotations
    written = next(
        (target for target in targets if not target.is_link), resolving.Target(account="")
    )
    places = {
        resolving.SERVICE_ID: written.place,
        resolving.INTEGRATION_KEY: written.key_place,
        resolving.ACCOUNT: written.account_place,
    }
    told = []
    for key in (resolving.SERVICE_ID, resolving.INTEGRATION_KEY, resolving.ACCOUNT):
        value = annotations.get(key)
        if isinstance(value, str) and value.strip():
            is_key = key == resolving.INTEGRATION_KEY
            shown = mask(value.strip()) if is_key else value.strip()[:200]
            told.append(f"{key}: {shown}" + (f" ({places[key]})" if places[key] else ""))
    links = sum(target.is_link for target in targets)
    if links:
        told.append(f"{links} linked in the admin")
    return step("Annotation", Verdict.OK, "; ".join(told))


def _service_steps(mapped: Mapped, now: datetime) -> Iterable[Step]:
    problem, target = mapped.problem, mapped.target
    kinds = resolving.ProblemKind
    if problem and problem.kind in {kinds.UNKNOWN_ACCOUNT, kinds.NOT_CONFIGURED}:
        place = f" ({problem.place})" if problem.place else ""
        yield step(
            "Account",
            Verdict.WRONG,
            f"{problem.text}{place}",
            problem.advice or "Correct the setting and restart the portal.",
        )
        return
    yield step("Account", Verdict.OK, f"{target.account} is configured.")
    yield _service(mapped, now)
    if mapped.service is None:
        return
    for kind in (Feed.Kind.INCIDENTS, Feed.Kind.ON_CALL, Feed.Kind.CHANGES):
        yield _section(kind, mapped, now)
    yield _paging(mapped)


def _service(mapped: Mapped, now: datetime) -> Step:
    problem = mapped.problem
    if problem:
        place = f" ({problem.place})" if problem.place else ""
        is_harmless = problem.kind is resolving.ProblemKind.NAMED_TWICE
        verdict = Verdict.WARNING if is_harmless else Verdict.WRONG
        return step("Service", verdict, f"{problem.text}{place}", problem.advice)
    if mapped.service:
        return step("Service", Verdict.OK, f"{mapped.service.name} ({mapped.service.pd_id}).")
    answer = present_answer(
        Feed.Kind.SERVICES, mapped.freshness[Feed.Kind.SERVICES], Moment(now=now, reader=READER)
    )
    said = answer.explanation or explain(NOT_ASKED, reader=READER)
    advice = START_WORKER if said.reason == NOT_ASKED else said.advice
    text = said.why if answer.is_not_found else f"Not known yet: {said.why}"
    return step("Service", Verdict.WRONG, text, advice, answer.at)


def _section(kind: Feed.Kind, mapped: Mapped, now: datetime) -> Step:
    answer = present_answer(kind, mapped.freshness[kind], Moment(now=now, reader=READER))
    what = kind.label.capitalize()
    if answer.is_unknown:
        advice = START_WORKER if answer.reason == NOT_ASKED else answer.advice
        return step(what, Verdict.WRONG, f"Not known: {answer.why}", advice)
    if answer.is_old:
        return step(what, Verdict.WARNING, f"Known but old: {answer.why}", answer.advice, answer.at)
    text = "Known."
    if kind is Feed.Kind.INCIDENTS and mapped.service:
        count = mapped.service.open_counts.total
        text = f"{count} open, as PagerDuty says." if count else "PagerDuty says that none is open."
    return step(what, Verdict.OK, text, at=answer.at)


def _paging(mapped: Mapped) -> Step:
    verdict = Verdict.OK if mapped.can_page else Verdict.WARNING
    return step("Paging", verdict, mapped.paging.text, mapped.paging.advice)
