"""How a mapped service is named in forms, addresses and headings; never by a whole key."""

from collections.abc import Sequence

from pagerduty_card.mapping.resolving import Mapped
from portal.secret_shapes import mask


def value_of(mapped: Mapped) -> str:
    """The value of a service in forms and addresses: account and id, or the end of its key."""
    named = mapped.service_pd_id or mask(mapped.target.integration_key)
    return f"{mapped.target.account}/{named}"


def title_of(mapped: Mapped) -> str:
    """The service's name; the id as written or the masked key where it is not in the mirror."""
    if mapped.service:
        return mapped.service.name
    return mapped.target.service_pd_id or f"integration key {mask(mapped.target.integration_key)}"


def labels_of(mapped: Sequence[Mapped]) -> list[str]:
    """For each of an entity's services its label, or its account where they are of several."""
    is_mixed = len({one.target.account for one in mapped}) > 1
    return [one.target.label or (one.target.account if is_mixed else "") for one in mapped]


def choices_of(mapped: Sequence[Mapped]) -> list[tuple[str, str]]:
    """Value and name of each of an entity's services that can be paged."""
    named = zip(mapped, labels_of(mapped), strict=True)
    return [
        (value_of(one), f"{title_of(one)} ({label})" if label else title_of(one))
        for one, label in named
        if one.can_page
    ]
