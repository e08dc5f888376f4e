"""Whether pages would arrive, in the doctor's words: host, TLS, proxy and keys. Asks nothing."""

from datetime import UTC, datetime

from pagerduty_card.accounts import Account
from pagerduty_card.doctor.findings import CHECK, Step, Verdict, step
from pagerduty_card.doctor.probing import KeyProbe, Probe
from pagerduty_card.wire.transport import proxy_for

_WHAT = "Paging"
_NOT_TRIED = "The way that pages take was not tried"
_HARMLESS = "Nobody was paged: what was sent is the end of an alert that never was."


def examine_paging(account: Account, probe: Probe | None) -> Step:
    """Say what came of trying the way that pages take."""
    if probe is None:
        advice = f"{CHECK} to try it; nobody is paged."
        return step(_WHAT, Verdict.UNKNOWN, "The way that pages take was not tried yet.", advice)
    if not account.events_base_url:
        text = f"{_NOT_TRIED}, and nobody can be paged: the account has no address for events."
        return step(_WHAT, Verdict.WRONG, text, "Correct what is named under Hosts.")
    if probe.keys is None:
        return step(
            _WHAT,
            Verdict.UNKNOWN,
            f"{_NOT_TRIED}: no entity of this account names a service with a key to page with.",
            "Import or map an entity, and check again.",
        )
    at = datetime.fromtimestamp(probe.at, UTC)
    where = f"the Events API at {account.events_base_url}"
    if proxy := proxy_for(account.events_base_url):
        where += f" through the proxy {proxy}"
    failed = [one for one in probe.keys if one.reason]
    if not failed:
        took_ms = round(max(one.took_s or 0.0 for one in probe.keys) * 1000)
        text = (
            f"{where[:1].upper()}{where[1:]} accepted {_named(probe.keys)} within {took_ms} ms. "
            f"{_HARMLESS}"
        )
        return step(_WHAT, Verdict.OK, text, at=at)
    said = " ".join(_said(one) for one in failed)
    if failed[0].reason == "unreachable":
        advice = f"Let this machine reach {where}: name, firewall, proxy and certificates."
    elif failed[0].reason == "wrong_address":
        advice = "Correct PAGERDUTY_EVENTS_BASE_URL, or the account's events_base_url."
    elif all(one.reason == "throttled" for one in failed):
        return step(_WHAT, Verdict.WARNING, f"Tried {where}. {said}", "Check again later.", at)
    else:
        advice = (
            "Compare the key with the integration in PagerDuty: it must be of the type Backstage "
            "or Events API V2, and of this account's region."
        )
    return step(_WHAT, Verdict.WRONG, f"Tried {where}. {said}", advice, at)


def _named(keys: tuple[KeyProbe, ...]) -> str:
    noun = "the key" if len(keys) == 1 else "the keys"
    return f"{noun} {', '.join(f'{one.key} of {one.service}' for one in keys)}"


def _said(one: KeyProbe) -> str:
    cause = f" ({one.cause})" if one.cause else ""
    detail = one.detail.rstrip(".")
    if one.reason == "unreachable":
        return f"{detail}{cause}."
    return f"The key {one.key} of {one.service}: {detail}."
