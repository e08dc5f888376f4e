"""Who may page: the permission, and where the operator wants it so, the owners alone."""

from collections.abc import Sequence

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser, User

from catalog.masking import DEFAULT_MASKER
from catalog.models import Entity
from catalog.ownership import Ownership, ownership_of
from catalog.refs import EntityRef, InvalidRefError
from pagerduty_card.mapping.resolving import Mapped
from pagerduty_card.models import Mapping, ServiceLink

PERMISSION = "pagerduty_card.trigger_incident"


def may_page(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Whether the person has the right to page at all."""
    return isinstance(user, User) and user.has_perm(PERMISSION)


def refusal_of(
    user: AbstractBaseUser | AnonymousUser, entity: Entity, mapped: Sequence[Mapped]
) -> str:
    """Why the person may page none of an entity's services, one sentence; empty when they may.

    Where PAGERDUTY_TRIGGER_OWNERS_ONLY is on, they must own the entity. Its descriptor is theirs to
    write, so that it names a service is not enough: they must own whatever else names the service
    too, unless somebody with the permission to map has linked the two.

    Args:
        user: Who wants to page.
        entity: From whose page.
        mapped: Which of its services; empty while none is known.

    Asks the catalog only where the setting is on: three queries then, one more for a service that
    others name.
    """
    if not may_page(user):
        return f"You have no right to page from here. {_ASK}"
    if not settings.PAGERDUTY_TRIGGER_OWNERS_ONLY or getattr(user, "is_superuser", False):
        return ""
    if not entity.owner_ref:
        return "Only the owners may page from here, and nobody owns this."
    ownership = ownership_of(user)
    if ownership is None or entity.owner_ref not in ownership.owner_refs:
        return f"Only the owners, {_name_of(entity.owner_ref)}, may page from here."
    services = {one.service.pk for one in mapped if one.service}
    others = _others_of(entity, services, ownership) if services else {}
    if not others or services - set(others) or any(not one.service for one in mapped):
        return ""
    other = next(iter(others.values()))
    return (
        f"Only who also owns {other.entity.name}, which names the same PagerDuty service, may page "
        f"from here, and that is {_name_of(other.entity.owner_ref)}. An administrator can link "
        "this entity to the service on the page Mapping."
    )


def _others_of(entity: Entity, services: set[int], ownership: Ownership) -> dict[int, Mapping]:
    """Of each service that somebody else's entity names, such a mapping; without approved ones."""
    others = {
        row.service_id: row
        for row in Mapping.objects.filter(service__in=services)
        .exclude(entity__owner_ref__in=["", *ownership.owner_refs])
        .select_related("entity", "service")
        .order_by("-entity__ref")
        if row.service_id is not None
    }
    if not others:
        return {}
    own = Mapping.objects.filter(entity=entity, service__in=services)
    laid = own.filter(origin__in=[Mapping.Origin.LINK, Mapping.Origin.OVERLAY])
    approved = set(laid.values_list("service_id", flat=True))
    links = ServiceLink.objects.filter(entity=entity)
    linked = {
        (link.account_name, link.service_pd_id)
        for link in (links if others.keys() - approved else ())
    }
    return {
        key: row
        for key, row in others.items()
        if key not in approved
        and row.service is not None
        and (row.service.account, row.service.pd_id) not in linked
    }


def why_no_button(user: AbstractBaseUser | AnonymousUser, refusal: str, *, has_key: bool) -> str:
    """Why there is no button: who can change it, and whom to reach meanwhile.

    Args:
        user: The reader.
        refusal: Of ``refusal_of``.
        has_key: Whether there is a key to page with; beside each service the card says why not.
    """
    if not has_key:
        return ""
    if not user.is_authenticated:
        return "Sign in to page from here."
    return f"{refusal} {_REACH}" if refusal else ""


_ASK = "An administrator can give you the permission \u201cCan page the on-call of a service\u201d."
_REACH = "Reach the people under On call directly, or page from PagerDuty itself."


def _name_of(ref: str) -> str:
    try:
        name = EntityRef.parse(ref, default_kind="group").name
    except InvalidRefError:
        name = ref
    return DEFAULT_MASKER.text(name)  # it may be a secret that was written in its place
