"""What was typed into the form that pages and did not go through: kept, and why it did not.

The session keeps it while the person signs in. Nothing of it is ever sent without a click.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from catalog.models import Entity
from catalog.refs import EntityRef
from pagerduty_card.models import Service, TriggeredIncident
from pagerduty_card.paging.cautions import COPY, present_unsent
from pagerduty_card.paging.forms import read_key

_SESSION_KEY = "pagerduty:typed"
_FIELDS = ("service", "description", "severity", "details", "key")
MAX_KEPT = 10_000  # characters of each field
_KEPT_FOR_S = 3600
_MAX_ENTITIES = 3

WAS_SIGNED_OUT = "You were signed out when you sent this. Check it, then send it. "
OUT_OF_DATE = (
    "The page was out of date, for example because you signed in again in another tab. "
    "Check what you typed, then send it. "
)
SIGNED_OUT = "You are signed out. Sign in, and the form shows what you typed."
NOT_KEPT = (
    "You are signed out, and the page is too old to keep what you typed. "
    "Copy it, sign in, and open the form again."
)
NOT_OURS = (
    "Your browser says that the form came from another site. "
    "Copy what you typed, open the form here, and send it from there."
)


def has_text(typed: Mapping[str, Any]) -> bool:
    """Whether there is anything that the person would have to type again."""
    return bool(typed.get("description") or typed.get("details"))


def texts(typed: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Field, label and text of what was typed, for a page without the form."""
    labels = {"description": "What is wrong?", "details": "Details"}
    return [(name, text, typed[name]) for name, text in labels.items() if typed.get(name)]


def hidden(typed: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Name and value of the other fields, which go along when the text is posted again."""
    return [(name, typed.get(name, "")) for name in ("service", "severity", "key")]


def keep(request: HttpRequest, ref: EntityRef) -> str:
    """Keep what somebody who is signed out posted, until they have signed in.

    Only a form that was shown for this entity to somebody who was signed in is kept: strangers
    must not fill the table of sessions.

    Returns:
        A message for the person; empty where nothing is kept.
    """
    typed = request.POST
    if read_key(typed.get("key", "")).get("entity") != str(ref):
        return ""
    known = _unexpired(request)
    known.pop(str(ref), None)
    fields = {name: typed.get(name, "")[:MAX_KEPT] for name in _FIELDS}
    known[str(ref)] = {"at": timezone.now().timestamp(), **fields}
    request.session[_SESSION_KEY] = dict(list(known.items())[-_MAX_ENTITIES:])
    is_cut = any(len(typed.get(name, "")) > MAX_KEPT for name in _FIELDS)
    limit = f" Only the first {MAX_KEPT:,} characters of each field are kept." if is_cut else ""
    return f"{present_unsent('', earlier_attempt(typed)).title}. {SIGNED_OUT}{limit}"


def kept(request: HttpRequest, ref: EntityRef) -> dict[str, str] | None:
    """The fields of the entity's form that its writer left in the last hour; None if none.

    Somebody else who signs in with the same browser is shown none of it.
    """
    fields = _unexpired(request).get(str(ref), {})
    if read_key(str(fields.get("key", ""))).get("user") != str(request.user.pk):
        return None
    return {name: str(fields.get(name, "")) for name in _FIELDS}


def forget(request: HttpRequest, ref: str) -> None:
    """Keep the text of the entity's form no longer: it is in an attempt now."""
    known = _unexpired(request)
    if known.pop(ref, None):
        request.session[_SESSION_KEY] = known


def _unexpired(request: HttpRequest) -> dict[str, dict[str, Any]]:
    since = timezone.now().timestamp() - _KEPT_FOR_S
    known = request.session.get(_SESSION_KEY, {})
    return {ref: fields for ref, fields in known.items() if fields["at"] > since}


def earlier_attempt(typed: Mapping[str, Any] | None) -> TriggeredIncident | None:
    """The attempt that this form led to when it was sent before, if it was."""
    dedup_key = read_key(str(typed.get("key", ""))).get("key", "") if typed else ""
    return TriggeredIncident.objects.filter(dedup_key=dedup_key).first() if dedup_key else None


def is_over(earlier: TriggeredIncident | None) -> bool:
    """Whether a form that led to this attempt needs a key of its own for a further click."""
    sending = TriggeredIncident.State.SENDING
    return earlier is not None and not (earlier.may_resend or earlier.state == sending)


def why_no_form(ref: EntityRef, entity: Entity | None) -> str:
    """Why there is no form any more: the entity is gone, or names no service."""
    if entity is None:
        return f"{ref.name} is no longer in the catalog. {COPY}"
    return f"{entity.display_name} names no PagerDuty service any more. {COPY}"


def why_no_key(entity: Entity) -> str:
    """Why the form cannot be sent: none of the entity's services has an integration key."""
    return f"{entity.display_name} names no service now that can be paged from here. {COPY}"


def why_other_service(left: str, choices: Sequence[tuple[str, str]], entity: Entity) -> str:
    """Say which service the form was for, and which a further click pages.

    Args:
        left: The form's value of a service that the entity names no more.
        choices: Value and name of the services it names now.
        entity: Whose form it is.
    """
    account, _, pd_id = left.partition("/")
    service = Service.objects.filter(account=account[:64], pd_id=pd_id[:32]).first()
    was = service.name if service else "another service"
    names = [name for _, name in choices]
    now = f"The form was for {was}. {entity.display_name} now names {' and '.join(names)}"
    if len(names) == 1:
        return f"{now}: send the form again to page {names[0]}."
    return f"{now}: choose one of them, then send the form again."
