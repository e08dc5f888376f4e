"""Which integration's key pages a service: the rule, and the words for what it came to.

The Events API v2 accepts the keys of Events API v2 integrations alone, of whichever tool they are.
The key that an entity names comes first. Else the integration of Backstage does, then those of no
vendor, then the others; by name.

Source: https://developer.pagerduty.com/docs/events-api-v2-overview
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from pagerduty_card.accounts import Account
from pagerduty_card.addresses import Api
from pagerduty_card.characters import isolated
from pagerduty_card.integrations import BACKSTAGE_VENDOR, EVENTS_V2
from pagerduty_card.mapping.targets import INTEGRATION_KEY, Target, digest_of
from pagerduty_card.models import Integration, Service
from portal.secret_shapes import mask

# Wider than the forms of keys that are known, ``portal.secret_shapes.INTEGRATION_KEY``: a key of
# another form must be able to page too.
_KEY = re.compile(r"[A-Za-z0-9]{32}")
# A general access or a user's REST API key, or a token of OAuth.
_TOKEN = re.compile(r"[A-Za-z0-9_-]{20}|u\+.+|pd[a-z]{2}\+.+")
_SHOWN = 3
_NOBODY = "Nobody can be paged from here"


@dataclass(frozen=True, slots=True, kw_only=True)
class PagingKey:
    """The key that a service is paged with.

    Attributes:
        key: A secret; empty: nobody can be paged from here.
        text: Which key that is, or why there is none; keys masked.
        advice: What to do; empty when nothing is to be done.
    """

    key: str = field(default="", repr=False)
    text: str
    advice: str = ""


def key_mistake(key: str) -> str:
    """Why a text can be no integration key, as the end of a sentence; empty when it can be one."""
    if _KEY.fullmatch(key):
        return ""
    if _TOKEN.fullmatch(key):
        return "looks like a REST API token, not like an integration key"
    return "is no integration key: those have 32 letters and digits"


def takes_events(integration: Integration) -> bool:
    """Whether the Events API v2 accepts its key, as far as its type is known."""
    return integration.type in {EVENTS_V2, ""}


def integration_of(service: Service, key: str) -> Integration | None:
    """The service's integration with a key; where several have it, one that takes events."""
    having = [one for one in service.found_integrations if key and one.integration_key == key]
    return max(having, key=takes_events, default=None)


def paging_key(target: Target, service: Service | None, account: Account | None) -> PagingKey:
    """Choose the key to page with: never one that is known to page another service.

    Args:
        target: What the entity names.
        service: The stored service, of ``with_keys``; None where it is not known.
        account: The target's; None where none has its name.
    """
    if account is None or not account.events_base_url:
        return _nowhere(target, account)
    named = target.integration_key
    if service is None:
        # Without an id the key alone says who is meant. Beside an id that is not mirrored it may
        # be anybody's, except where the mirror has just not been filled yet.
        is_free = target.key_owner_pk is None and not target.shares_key
        if named and is_free and not key_mistake(named):
            return PagingKey(
                key=named,
                text=f"Pages with the integration key {mask(named)} of {INTEGRATION_KEY}. "
                "Which service and which integration have it is not known yet.",
            )
        return PagingKey(text=f"{_NOBODY}: no integration key is known.")
    usable = sorted(filter(_can_page, service.found_integrations), key=_rank)
    if not usable:
        return _none(service.found_integrations)
    own = integration_of(service, named)
    if own is not None and _can_page(own):
        return PagingKey(key=named, text=f"{_through(own)}, whose key the entity names.")
    first, *others = usable
    advice = ""
    if others:
        count = f"{len(others)} more such integration{'s' if len(others) > 1 else ''}"
        advice = f"The service has {count}: {INTEGRATION_KEY} can name the key of another one."
    return PagingKey(key=first.integration_key, text=f"{_through(first)}.", advice=advice)


def same_key(target: Target, service: Service | None, digest: str) -> str:
    """The key with a digest, where the service can still be paged with it; else empty.

    PagerDuty compares ``dedup_key`` only among alerts of one integration key, so an alert is sent
    again with the key of its first sending, whichever the rule chooses meanwhile.

    Args:
        target: What the entity names.
        service: The stored service, of ``with_keys``; None where it is not known.
        digest: Of ``digest_of``.
    """
    if service is None:
        keys = [target.integration_key]
    else:
        keys = [one.integration_key for one in service.found_integrations if takes_events(one)]
    return next((key for key in keys if key and digest_of(key) == digest), "")


def _can_page(one: Integration) -> bool:
    return takes_events(one) and not key_mistake(one.integration_key)


def _rank(one: Integration) -> tuple[bool, bool, bool, str, str]:
    return (
        not one.type,
        one.vendor_pd_id != BACKSTAGE_VENDOR,
        bool(one.vendor_pd_id),
        one.name,
        one.integration_key,
    )


def _through(one: Integration) -> str:
    known = "Events API v2" if one.type else "of a type that is not known"
    name, key = isolated(one.name), mask(one.integration_key)
    return f"Pages through the integration {name} ({known}, key {key})"


def _nowhere(target: Target, account: Account | None) -> PagingKey:
    """No key where there is nobody to send it to: in the wrong region it would page nobody."""
    if account is None:
        return PagingKey(
            text=f"{_NOBODY}: no PagerDuty account is called {target.account!r}.",
            advice="Correct the account that the entity names, or have it configured.",
        )
    mistake = next((one for one in account.address_mistakes if one.api is Api.EVENTS), None)
    return PagingKey(
        text=f"{_NOBODY}: {mistake.text if mistake else account.problem}",
        advice=f"An administrator must correct this. {mistake.hint if mistake else ''}".strip(),
    )


def _why_not(one: Integration) -> str:
    if not takes_events(one):
        return isolated(one.type)
    return f"its key {mask(one.integration_key)} {key_mistake(one.integration_key)}"


def _none(others: Sequence[Integration]) -> PagingKey:
    advice = (
        "Add an integration of the type Backstage or Events API V2 to the service in PagerDuty."
    )
    if not others:
        text = f"{_NOBODY}: the service has no Events API v2 integration."
        return PagingKey(text=text, advice=advice)
    named = ", ".join(f"{isolated(one.name)} ({_why_not(one)})" for one in others[:_SHOWN])
    if len(others) > _SHOWN:
        named += f" and {len(others) - _SHOWN} more"
    text = (
        f"{_NOBODY}: the service has no Events API v2 integration, only others, "
        f"whose keys the Events API v2 refuses: {named}."
    )
    return PagingKey(text=text, advice=advice)
