"""The stored rows that an entity's card is drawn from, as one digest: equal digest, equal rows.

One statement, written by hand: it is asked for each view, and building and reading the same rows
as models takes longer than the database does.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

from django.db import connection, models
from django.utils import timezone

from catalog.models import Entity
from pagerduty_card.card.faults import CardPart, guarded
from pagerduty_card.history.loading import ON_CARD
from pagerduty_card.mapping.resolving import is_mapped
from pagerduty_card.models import (
    ChangeEvent,
    EscalationPolicy,
    Feed,
    Incident,
    Integration,
    Mapping,
    OnCall,
    PastIncident,
    Responder,
    Service,
    TriggeredIncident,
)
from pagerduty_card.presenters.outcomes import SHOWN_FOR

# Days begin later in some zones than in others.
_PAST = timedelta(days=ON_CARD + 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class CardInputs:
    """What is stored of an entity's services at one instant.

    Attributes:
        is_mapped: Whether the entity names a PagerDuty service.
        digest: Of every row that the card is drawn from. Nothing of a key can be found from it.
            Empty where the rows could not be read: what is drawn then must not be kept.
    """

    is_mapped: bool
    digest: str


def inputs_of(entity: Entity) -> CardInputs:
    """The inputs of an entity's card; one query, the first time."""
    found: CardInputs | None = vars(entity).get("_card_inputs")
    if found is None:
        found = vars(entity)["_card_inputs"] = load_inputs(entity)
    return found


def load_inputs(entity: Entity) -> CardInputs:
    """The same as it is stored now; a fault here costs the keeping, not the card or the button."""
    return guarded(
        CardPart.CARD,
        lambda: _read(entity),
        lambda _: CardInputs(is_mapped=is_mapped(entity), digest=""),
    )


def _read(entity: Entity) -> CardInputs:
    now = timezone.now()
    adapt = connection.ops.adapt_datetimefield_value
    values: dict[str, Any] = {
        "entity": entity.pk,
        "ref": entity.ref,
        "past": adapt(now - _PAST),
        "attempts": adapt(now - SHOWN_FOR),
    }
    sql, names = _statement(connection.vendor)
    with connection.cursor() as cursor:
        cursor.execute(sql, [values[name] for name in names])
        rows = sorted(cursor.fetchall())
    return CardInputs(
        is_mapped=bool(rows) and rows[0][0] == 0,
        digest=hashlib.sha256(repr(rows).encode()).hexdigest(),
    )


@cache
def _statement(vendor: str) -> tuple[str, tuple[str, ...]]:
    """The statement, and the names of its parameters in order.

    Mappings come first, as number 0.
    """
    named, other, key_owner, account, pd_id = (
        _select(f"t.{column}", Mapping, "t.entity_id = :entity")
        for column in ("service_id", "other_id", "key_owner_id", "account", "service_pd_id")
    )
    # Those that have the same key or id explain a mistake.
    others = f"{named} UNION {other} UNION {key_owner}"
    policies = _select("t.policy_id", Service, f"t.id IN ({named})")
    of_services = _select("t.pd_id", Service, f"t.id IN ({named})")
    ids = f"SELECT '' UNION {pd_id} UNION {of_services}"
    kinds = ", ".join(f"'{kind}'" for kind in Feed.Kind.values)
    since = "t.created_at >= :past OR t.created_at IS NULL"
    joined = f"JOIN {_table(Responder)} r ON r.id = t.responder_id"
    who = _columns(Responder, "r")
    parts = [
        _part(Mapping, "t.entity_id = :entity"),
        _part(Service, f"t.id IN ({others})"),
        _part(Integration, f"t.service_id IN ({others})"),
        _part(EscalationPolicy, f"t.id IN ({policies})"),
        _part(OnCall, f"t.policy_id IN ({policies})", joined, who),
        _part(Incident, f"t.service_id IN ({named})"),
        _part(ChangeEvent, f"t.service_id IN ({named})"),
        _part(PastIncident, f"t.service_id IN ({named}) AND ({since})"),
        _part(
            Feed,
            f"t.account IN ({account}) AND t.kind IN ({kinds}) AND t.service_pd_id IN ({ids})",
        ),
        _part(TriggeredIncident, "t.entity_ref = :ref AND t.triggered_at > :attempts"),
    ]
    text = " UNION ALL ".join(part.replace(":number", str(n)) for n, part in enumerate(parts))
    text = text.replace(":array", "json_build_array" if vendor == "postgresql" else "json_array")
    names = tuple(re.findall(r":(entity|ref|past|attempts)\b", text))
    return re.sub(r":(entity|ref|past|attempts)\b", "%s", text), names


def _part(model: type[models.Model], where: str, join: str = "", more: str = "") -> str:
    columns = f"{_columns(model, 't')}{', ' if more else ''}{more}"
    return _select(f":number, CAST(:array({columns}) AS text)", model, where, join)


def _select(what: str, model: type[models.Model], where: str, join: str = "") -> str:
    # Names of tables and columns alone come in like this; values are parameters.
    return f"SELECT {what} FROM {_table(model)} t {join} WHERE {where}"  # noqa: S608


def _columns(model: type[models.Model], alias: str) -> str:
    quote = connection.ops.quote_name
    return ", ".join(f"{alias}.{quote(str(field.column))}" for field in model._meta.concrete_fields)


def _table(model: type[models.Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)
