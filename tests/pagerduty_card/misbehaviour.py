"""The fault matrix as data: what PagerDuty and networks do, the sections they hit, the words due.

The wire turns every misbehaviour into one of a few reasons, and a section knows the reason alone.
So every fault hits one section, and every section is hit for a few reasons. One more fault, or one
more section, is one more line.
"""

from dataclasses import dataclass, field
from typing import Any

from pagerduty_card.models import Feed

TRIES_AGAIN = "The portal tries again by itself."
ASK = "Ask an administrator of this portal."


@dataclass(frozen=True, kw_only=True)
class Section:
    """A section of the card.

    Attributes:
        path: Matches its requests in bulk and for one service, and no other section's.
        page_path: The same for one service, where that differs.
        scope: What a 403 must name, in bulk and for one service.
        title: How its heading starts; empty where the header of the service is all it has.
        claims: What it may say only when PagerDuty answered exactly that.
        doors: Through which it is asked for.
    """

    kind: str
    path: str
    scope: tuple[str, ...]
    page_path: str = ""
    title: str = ""
    claims: tuple[str, ...] = ()
    doors: tuple[str, ...] = ("worker", "page")

    @property
    def is_on_the_card(self) -> bool:
        """Whether the card has words of its own for it."""
        return bool(self.title or self.claims)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One misbehaviour.

    Attributes:
        kind: Of ``sandbox.faults``; empty: nothing listens on the port at all.
        reason: What the feed keeps.
        said: What the page says for it, as somebody reads it who is no administrator; ``{scope}``
            stands for the section's.
        is_of_account: It concerns every section: the others may be kept from asking too.
        is_of_records: It spoils the records: an answer without any is as good as ever.
    """

    name: str
    kind: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    reason: str
    said: tuple[str, ...]
    is_of_account: bool = False
    is_of_records: bool = False

    @property
    def is_slow(self) -> bool:
        """Whether only the portal's own time budget ends it."""
        return bool(self.options.get("delay_s"))


SECTIONS = (
    Section(
        kind=Feed.Kind.SERVICES,
        path=r"/services(/[^/?]+)?\?",
        scope=("services.read", "services.read"),
        claims=("OK",),
    ),
    Section(
        kind=Feed.Kind.INCIDENTS,
        path=r"/incidents\?.*triggered",
        scope=("incidents.read", "incidents.read"),
        title="Open incidents",
        claims=("Nothing is open", "Nothing was open", "OK"),
    ),
    Section(
        kind=Feed.Kind.CHANGES,
        path=r"(/services/[^/]+)?/change_events\?",
        scope=("change_events.read", "services.read"),
        title="Recent changes",
        claims=("No change",),
    ),
    Section(
        kind=Feed.Kind.ON_CALL,
        path=r"/oncalls\?(?!.*\bsince=)",
        page_path=r"/oncalls\?",  # who is on call now and who comes next, in one
        scope=("oncalls.read", "oncalls.read"),
        title="On call",
        claims=("Nobody", "would page nobody"),
    ),
    # What follows has no words of its own on the card: it must leave all others standing.
    Section(
        kind=Feed.Kind.MAINTENANCE,
        path=r"/maintenance_windows\?",
        scope=("services.read",),
        doors=("worker",),
    ),
    Section(
        kind=Feed.Kind.SHIFTS,
        path=r"/oncalls\?.*\bsince=",
        scope=("oncalls.read",),
        doors=("worker",),
    ),
    Section(
        kind=Feed.Kind.HISTORY,
        path=r"/incidents\?.*resolved",
        scope=("incidents.read",),
        doors=("worker",),
    ),
    Section(
        kind=Feed.Kind.ACKNOWLEDGEMENTS,
        path=r"/log_entries\?",
        scope=("incidents.read",),
        doors=("worker",),
    ),
    Section(
        kind=Feed.Kind.ANALYTICS,
        path=r"/analytics/",
        scope=("analytics.write",),
        doors=("worker",),
    ),
    Section(
        kind=Feed.Kind.STANDARDS,
        path=r"/standards/",
        scope=("standards.read",),
        doors=("worker",),
    ),
)


def _unreachable(name: str, kind: str, said: str, **options: Any) -> Fault:
    return Fault(
        name=name, kind=kind, options=options, reason="unreachable", said=(said, TRIES_AGAIN)
    )


def _unreadable(name: str, kind: str, **fields: Any) -> Fault:
    said = ("PagerDuty's answer could not be read.", TRIES_AGAIN)
    return Fault(name=name, kind=kind, reason="unreadable", said=said, **fields)


_TOO_LATE = "PagerDuty did not answer in time."
_BROKE_OFF = "The connection to PagerDuty broke off."
_LIMIT = "PagerDuty limits how often it may be asked, and the limit is reached."
_WHEN_IT_ENDS = "The portal asks again when the limit ends."

FAULTS = (
    Fault(
        name="refused",
        reason="unreachable",
        said=("No connection to PagerDuty.", TRIES_AGAIN),
        is_of_account=True,
    ),
    _unreachable("hang", "hang", _TOO_LATE, delay_s=30),
    _unreachable("hang-in-body", "hang-in-body", _TOO_LATE, delay_s=30),
    _unreachable("reset", "reset", _BROKE_OFF),
    _unreachable("lost-answer", "lost-answer", _BROKE_OFF),
    _unreachable("drip", "drip", _TOO_LATE, delay_s=0.05),
    Fault(
        name="400",
        kind="400",
        reason="rejected",
        said=(
            "PagerDuty did not accept the portal's question.",
            "PagerDuty says: Invalid Input Provided",
            "tell an administrator",
        ),
    ),
    Fault(
        name="401",
        kind="401",
        reason="token",
        said=("PagerDuty does not accept the token.", ASK),
        is_of_account=True,
    ),
    Fault(
        name="402",
        kind="402",
        reason="ability",
        said=(
            "The PagerDuty plan does not include this.",
            "Account does not have the ability",
            "Somebody who manages the PagerDuty account can change the plan.",
        ),
    ),
    Fault(
        name="403",
        kind="403",
        reason="permission",
        said=("The token may not read this.", "It needs the permission {scope}.", ASK),
    ),
    Fault(
        name="404",
        kind="404",
        reason="wrong_address",
        said=("PagerDuty has nothing at the address the portal asked.", ASK),
    ),
    _unreachable("408", "408", "PagerDuty could not answer (408)"),
    Fault(
        name="429",
        kind="429",
        reason="throttled",
        said=(_LIMIT, _WHEN_IT_ENDS),
        is_of_account=True,
    ),
    Fault(
        name="429-bare",
        kind="bare-status",
        options={"status": 429},
        reason="throttled",
        said=(_LIMIT, _WHEN_IT_ENDS),
        is_of_account=True,
    ),
    _unreachable("500", "500", "PagerDuty could not answer (500)"),
    _unreachable("503", "503", "PagerDuty could not answer (503)"),
    _unreachable("503-bare", "bare-status", "PagerDuty could not answer (503)", status=503),
    _unreadable("204-bare", "bare-status", options={"status": 204}),
    _unreadable("html", "html"),
    _unreadable("cut-json", "cut-json"),
    _unreadable("empty-object", "empty-object"),
    _unreadable("wrong-types", "wrong-types", is_of_records=True),
    _unreadable("nulls", "nulls", is_of_records=True),
    _unreadable("endless-more", "endless-more"),
    _unreadable("huge-body", "huge-body"),
)

# Every fault hits the incidents: these have words of their own, pages, and a badge on the index.
_ONE_SECTION = next(section for section in SECTIONS if section.kind == Feed.Kind.INCIDENTS)
# These hit every section: of the service or of its list, with the section's own permission, of a
# moment, and in the records.
_IN_EVERY_SECTION = {"404", "403", "503", "wrong-types"}

# Other ways to the reason of one of those, by the same wire: one door is enough.
_LIKE_ANOTHER = {
    *("reset", "408", "500", "503-bare", "429-bare", "204-bare"),
    *("html", "cut-json", "empty-object", "nulls", "huge-body"),
}

CASES = [
    (fault, section, door)
    for fault in FAULTS
    for section in SECTIONS
    for door in section.doors
    if (section is _ONE_SECTION and (door == "worker" or fault.name not in _LIKE_ANOTHER))
    or fault.name in _IN_EVERY_SECTION
]
UNKNOWN_CASES = [
    (fault, section, door)
    for fault, section, door in CASES
    if section.is_on_the_card and fault.name in _IN_EVERY_SECTION
]
