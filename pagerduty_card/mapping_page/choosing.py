"""What a person chose: which entity and which service the typed texts mean. No writing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.http import QueryDict

from catalog.refs import EntityRef, InvalidRefError
from pagerduty_card.mapping_page.current_mappings import CurrentMappings, EntityFacts, ServiceFacts

# One application is one transaction; what is over it stays to be chosen next.
MAX_LINES = 200
_SEPARATOR = "|"
_MAX_TEXT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One entity and one service as typed or ticked."""

    entity: str
    service: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """One entity and one service that are there."""

    entity_ref: str
    account: str
    service_pd_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedChoice:
    """A choice that means nothing, or nothing certain, and why."""

    choice: Choice
    why: str


def tick_value(entity: EntityFacts, service: ServiceFacts) -> str:
    """What a ticked suggestion sends."""
    return f"{entity.ref}{_SEPARATOR}{service.place}"


def read_choices(data: QueryDict) -> list[Choice]:
    """The choices of a form: ``service:<ref>`` and ``entity:<place>`` typed, ``pick`` ticked.

    What is typed beside a ticked suggestion is meant instead of it.
    """
    typed, answered = [], set()
    for name, value in data.items():
        side, _, other = name.partition(":")
        text = _clean(str(value))
        if not text or side not in {"service", "entity"} or not other:
            continue
        answered.add(other)
        if side == "service":
            typed.append(Choice(entity=other, service=text))
        else:
            typed.append(Choice(entity=text, service=other))
    ticked = []
    for value in data.getlist("pick"):
        entity, _, service = _clean(value).partition(_SEPARATOR)
        if not {entity, service} & answered:
            ticked.append(Choice(entity=entity, service=service))
    pairs = zip(data.getlist("pair-entity"), data.getlist("pair-service"), strict=False)
    again = [Choice(entity=_clean(one), service=_clean(other)) for one, other in pairs]
    return [*again, *typed, *ticked]


def resolve_choices(
    choices: Iterable[Choice], current: CurrentMappings
) -> tuple[list[Pick], list[RefusedChoice]]:
    """What the choices mean, each once, and those that mean nothing."""
    entities, services = _Entities(current), _Services(current)
    picks: dict[Pick, None] = {}
    refused = []
    for choice in choices:
        if not choice.entity and not choice.service:
            continue
        ref = entities.find(choice.entity)
        found = services.find(choice.service)
        if why := entities.why_not(choice.entity, ref) or services.why_not(choice.service, found):
            refused.append(RefusedChoice(choice=choice, why=why))
            continue
        for one in found:
            picks[Pick(entity_ref=ref, account=one.account, service_pd_id=one.pd_id)] = None
    return list(picks), refused


class _Entities:
    """Entities by what people call them."""

    def __init__(self, current: CurrentMappings) -> None:
        self._refs = {one.ref for one in current.entities.values()}
        self._by_name: dict[str, list[str]] = {}
        for one in current.entities.values():
            for name in {one.name.lower(), one.title.lower()} - {""}:
                self._by_name.setdefault(name, []).append(one.ref)

    def find(self, text: str) -> str:
        try:
            ref = str(EntityRef.parse(text, default_kind="component"))
        except InvalidRefError:
            return ""
        if ref in self._refs:
            return ref
        same = self._by_name.get(text.lower(), [])
        return same[0] if len(same) == 1 else ""

    def why_not(self, text: str, ref: str) -> str:
        if ref:
            return ""
        same = self._by_name.get(text.lower(), [])
        if same:
            return f"Several entities are called so: {', '.join(sorted(same)[:3])}."
        return f"The catalog has no entity {text!r}." if text else "No entity is named."


class _Services:
    """Services by id, by account and id, and by name."""

    def __init__(self, current: CurrentMappings) -> None:
        self._by_text: dict[str, list[ServiceFacts]] = {}
        for one in current.services.values():
            for text in {one.place.lower(), one.pd_id.lower(), one.name.lower()}:
                self._by_text.setdefault(text, []).append(one)

    def find(self, text: str) -> list[ServiceFacts]:
        whole = self._by_text.get(text.lower(), [])
        if whole or "," not in text:
            return whole if len(whole) == 1 else []
        parts = [self.find(part.strip()) for part in text.split(",") if part.strip()]
        return [one for part in parts for one in part] if all(parts) else []

    def why_not(self, text: str, found: Sequence[ServiceFacts]) -> str:
        if found:
            return ""
        same = self._by_text.get(text.lower(), [])
        if same:
            return f"Several services are called so: {', '.join(one.place for one in same[:3])}."
        if "," in text:
            return f"Not each of these is one service: {text}."
        return f"No PagerDuty service is called {text!r}." if text else "No service is named."


def _clean(text: str) -> str:
    return text.replace("\x00", "").strip()[:_MAX_TEXT]
