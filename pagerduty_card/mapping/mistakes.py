"""What is wrong with how an entity names a service: whose mistake, where, and what to write.

Judges what the mirror holds, and says "there is none" only where PagerDuty said so.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pagerduty_card.accounts import Account, names_of
from pagerduty_card.freshness import Freshness
from pagerduty_card.mapping.keys import integration_of, key_mistake, takes_events
from pagerduty_card.mapping.targets import ACCOUNT, INTEGRATION_KEY, SERVICE_ID, Target
from pagerduty_card.models import Integration, Service
from portal.secret_shapes import mask

# PagerDuty's ids have 7 or 14 letters and digits; its keys 32.
_ID = re.compile(r"[A-Za-z0-9]{1,20}")
_KEY_LENGTH = 20
_ID_IN_ADDRESS = re.compile(r"/(?:service-directory|services)/([A-Z0-9]{5,20})(?:[/?#]|$)")
_SHOWN = 100
_LINK = "A link"


class ProblemKind(StrEnum):
    """What is wrong with a mapping."""

    UNKNOWN_ACCOUNT = "unknown_account"
    NOT_CONFIGURED = "not_configured"
    OTHER_ACCOUNT = "other_account"
    ODD_SERVICE_ID = "odd_service_id"
    NO_SUCH_SERVICE = "no_such_service"
    NO_SUCH_KEY = "no_such_key"
    KEY_OF_OTHER_SERVICE = "key_of_other_service"
    KEY_OF_SEVERAL = "key_of_several"
    ODD_KEY = "odd_key"
    KEY_OF_OTHER_TYPE = "key_of_other_type"
    NAMED_TWICE = "named_twice"


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingProblem:
    """A mistake somebody can correct.

    Attributes:
        text: One or two sentences for a reader, keys masked.
        advice: What to do about it.
        place: Where it was written: ``file:line``, or in words; empty for a setting.
    """

    kind: ProblemKind
    text: str
    advice: str = ""
    place: str = ""


def is_service_id(text: str) -> bool:
    """Whether a text may be PagerDuty's id of a service."""
    return bool(_ID.fullmatch(text))


def problem_of(
    target: Target,
    service: Service | None,
    listing: Freshness,
    others: Mapping[int, Service],
    accounts: Mapping[str, Account],
    *,
    is_listed: bool,
) -> MappingProblem | None:
    """What is wrong with one target; None if nothing is, or nothing is known yet.

    Args:
        target: As the table has it.
        service: What it was found to be, if it was.
        listing: How fresh the list of its account's services is.
        others: The services that explain its problem, by primary key.
        accounts: Every account, by name.
        is_listed: Whether that list is new enough to tell what is not there.
    """
    account = accounts.get(target.account)
    other = others.get(target.other_pk or 0)
    if other is not None and (other.account not in accounts or accounts[other.account].problem):
        other = None
    if account is None:
        return _unknown_account(target, None if service else other, accounts)
    if service is None:
        if target.problem == ProblemKind.ODD_SERVICE_ID:
            return _odd_id(target)
        if not target.service_pd_id and key_mistake(target.integration_key):
            return _odd_key(target)
        is_denied = is_listed or listing.reason == "not_found"
        if other is not None and (is_denied or account.problem):
            return _of_other_account(target, other)
        if not account.problem:
            return _absent(target) if is_denied and (target.service_pd_id or is_listed) else None
    if account.problem:
        return MappingProblem(kind=ProblemKind.NOT_CONFIGURED, text=account.problem)
    problem = _of_key(target, service, other, others, is_listed=is_listed) if service else None
    return problem or (named_twice(target) if target.repeated_at else None)


def named_twice(target: Target) -> MappingProblem:
    """The mistake of a service that is named a second time, at ``repeated_at``."""
    key = mask(target.integration_key)
    named = target.service_pd_id or f"The service with the integration key {key}"
    where = (
        f"twice in {SERVICE_ID}"
        if target.repeated_at == target.place
        else f"twice: also by {target.repeated_at}"
    )
    return MappingProblem(
        kind=ProblemKind.NAMED_TWICE,
        text=f"{named} is named {where}. It is shown once.",
        advice="Take one of the two away, or name the service that was meant.",
        place=target.place,
    )


def _correct(target: Target, what: str = "the annotation") -> str:
    return "Correct the link in the admin" if target.is_link else f"Correct {what}"


def _write_account(target: Target, name: str) -> str:
    if target.is_link:
        return f"Set the account of the link to {name}."
    return f"Write {ACCOUNT}: {name} beside it."


def _shown(target: Target) -> str:
    """The id for a sentence: one that looks like an integration key is masked as one."""
    written = target.service_pd_id
    if re.fullmatch(rf"\w{{{_KEY_LENGTH},}}", written):
        return mask(written)
    return written if len(written) <= _SHOWN else f"{written[:_SHOWN]}\u2026"


def _unknown_account(
    target: Target, other: Service | None, accounts: Mapping[str, Account]
) -> MappingProblem:
    told = f"{_LINK} names" if target.is_link else f"{ACCOUNT} names"
    advice = f"{_correct(target)}, or have the account configured."
    if other is not None:
        advice = f"{other.name} ({other.pd_id}) is a service of the account {other.account}. " + (
            _write_account(target, other.account)
            if target.is_link
            else f"Write {ACCOUNT}: {other.account}."
        )
    return MappingProblem(
        kind=ProblemKind.UNKNOWN_ACCOUNT,
        text=f"{told} {target.account!r}, but no PagerDuty account is called so; "
        f"configured: {names_of(accounts)}.",
        advice=advice,
        place=target.account_place or target.place,
    )


def _odd_id(target: Target) -> MappingProblem:
    named = _LINK if target.is_link else SERVICE_ID
    found = _ID_IN_ADDRESS.search(target.service_pd_id)
    advice = (
        f"Write {found[1]} alone."
        if found
        else "A service id has letters and digits only, for example PABC123: the last part of the "
        "service's address. Several ids are separated by commas."
    )
    if re.fullmatch(rf"\w{{{_KEY_LENGTH},}}", target.service_pd_id):
        advice = "It looks like an integration key: write it as pagerduty.com/integration-key."
    return MappingProblem(
        kind=ProblemKind.ODD_SERVICE_ID,
        text=f"{named} says {_shown(target)!r}, which is no id of a service.",
        advice=advice,
        place=target.place,
    )


def _of_other_account(target: Target, other: Service) -> MappingProblem:
    named = (
        other.pd_id
        if target.service_pd_id
        else f"The integration key {mask(target.integration_key)}"
    )
    whose = (
        f"a service of the account {other.account}"
        if target.service_pd_id
        else f"of the service {other.name} ({other.pd_id}) of the account {other.account}"
    )
    return MappingProblem(
        kind=ProblemKind.OTHER_ACCOUNT,
        text=f"{named} is {whose}, not of {target.account}.",
        advice=_write_account(target, other.account),
        place=target.account_place or target.place,
    )


def _absent(target: Target) -> MappingProblem:
    if target.service_pd_id:
        return MappingProblem(
            kind=ProblemKind.NO_SUCH_SERVICE,
            text=f"PagerDuty has no service {_shown(target)}.",
            advice=f"{_correct(target, 'the service id')}.",
            place=target.place,
        )
    return MappingProblem(
        kind=ProblemKind.NO_SUCH_KEY,
        text=f"No PagerDuty service has this integration key ({mask(target.integration_key)}).",
        advice="Correct the key, or name the service by its id.",
        place=target.place,
    )


def _of_key(
    target: Target,
    service: Service,
    other: Service | None,
    others: Mapping[int, Service],
    *,
    is_listed: bool,
) -> MappingProblem | None:
    """What is wrong with the key beside a service that was found."""
    own = integration_of(service, target.integration_key)
    if own is not None and not takes_events(own):
        return _key_of_other_type(target, own)
    if own is None and target.integration_key and key_mistake(target.integration_key):
        return _odd_key(target)
    if is_listed and target.problem == ProblemKind.KEY_OF_OTHER_SERVICE:
        return _foreign_key(target, service, others.get(target.key_owner_pk or 0))
    if other is not None and target.problem == ProblemKind.KEY_OF_SEVERAL:
        return _key_of_several(target, service, other)
    return None


def _key_of_other_type(target: Target, own: Integration) -> MappingProblem:
    return MappingProblem(
        kind=ProblemKind.KEY_OF_OTHER_TYPE,
        text=f"The integration key {mask(target.integration_key)} is that of {own.name}, an "
        f"integration of the type {own.type}: the Events API v2 refuses it.",
        advice="Write the key of an integration of the type Backstage or Events API V2, or name "
        "the service by its id alone.",
        place=target.key_place,
    )


def _odd_key(target: Target) -> MappingProblem:
    mistake = key_mistake(target.integration_key)
    advice = (
        "Copy the integration key from the service in PagerDuty, or name the service by its id."
    )
    if "token" in mistake:
        advice += " Revoke the token: whoever can read the file can use it."
    return MappingProblem(
        kind=ProblemKind.ODD_KEY,
        text=f"{INTEGRATION_KEY} is {mask(target.integration_key)}, which {mistake}.",
        advice=advice,
        place=target.key_place or target.place,
    )


def _foreign_key(target: Target, service: Service, owner: Service | None) -> MappingProblem:
    """The mistake of a key that is not the service's."""
    whose = ""
    if owner is not None:
        whose = f" but of {owner.name} ({owner.pd_id})"
        if owner.account != target.account:
            whose += f" of the account {owner.account}"
    return MappingProblem(
        kind=ProblemKind.KEY_OF_OTHER_SERVICE,
        text=f"The integration key {mask(target.integration_key)} is not one of the service "
        f"{service.name} ({service.pd_id}){whose}.",
        advice="Correct the key or the service id.",
        place=target.key_place,
    )


def _key_of_several(target: Target, service: Service, other: Service) -> MappingProblem:
    return MappingProblem(
        kind=ProblemKind.KEY_OF_SEVERAL,
        text=f"Several services have the integration key {mask(target.integration_key)}: "
        f"{service.name} ({service.pd_id}) is shown, {other.name} ({other.pd_id}) has it too.",
        advice="Name the service by its id.",
        place=target.place,
    )
