"""Who may page: the permission, and where the operator wants it so, the owners alone."""

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser, User

from catalog.models import Entity
from catalog.ownership import ownership_of
from catalog.refs import EntityRef, InvalidRefError

PERMISSION = "pagerduty_card.trigger_incident"


def may_page(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Whether the person has the right to page at all."""
    return isinstance(user, User) and user.has_perm(PERMISSION)


def refusal_of(user: AbstractBaseUser | AnonymousUser, entity: Entity) -> str:
    """Why the person may not page for the entity, one sentence; empty when they may.

    Asks the catalog only where PAGERDUTY_TRIGGER_OWNERS_ONLY is on: two queries then.
    """
    if not may_page(user):
        return f"You have no right to page from here. {_ASK}"
    if not settings.PAGERDUTY_TRIGGER_OWNERS_ONLY or getattr(user, "is_superuser", False):
        return ""
    if not entity.owner_ref:
        return "Only the owners may page from here, and nobody owns this."
    ownership = ownership_of(user)
    if ownership is not None and entity.owner_ref in ownership.owner_refs:
        return ""
    return f"Only the owners, {_name_of(entity.owner_ref)}, may page from here."


def why_no_button(user: AbstractBaseUser | AnonymousUser, refusal: str, *, has_key: bool) -> str:
    """Why there is no button, for those who look for it: who mends it, or may page elsewhere.

    Args:
        user: The reader.
        refusal: Of ``refusal_of``.
        has_key: Whether there is a key to page with; beside each service the card says why not.
    """
    if not has_key or not may_page(user):
        return ""
    return f"{refusal} {_REACH}" if refusal else ""


_ASK = "An administrator can give you the permission \u201cCan page the on-call of a service\u201d."
_REACH = "Reach the people under On call directly, or page from PagerDuty itself."


def _name_of(ref: str) -> str:
    try:
        return EntityRef.parse(ref, default_kind="group").name
    except InvalidRefError:
        return ref
