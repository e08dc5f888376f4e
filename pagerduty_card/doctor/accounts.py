"""What is wrong between the portal and PagerDuty, and what to do: configuration, accounts, feeds.

Reads configuration, cache and mirror. It asks PagerDuty nothing: ``probing`` does, for a caller
who wants that. Nothing here shows a secret: tokens and keys are masked.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from uuid import uuid4

from django.conf import settings
from django.core.cache import caches

from pagerduty_card import configuration
from pagerduty_card.accounts import SCOPES, Account
from pagerduty_card.doctor.findings import CHECK, READER, START_WORKER, Finding, Step, Verdict, step
from pagerduty_card.doctor.paging import examine_paging
from pagerduty_card.doctor.probing import Probe
from pagerduty_card.doctor.webhooks import examine_webhooks
from pagerduty_card.freshness import OLD_AFTER
from pagerduty_card.models import Feed, Service
from pagerduty_card.presenters.freshness import explain
from pagerduty_card.syncing.accounts import SECTIONS, next_at
from pagerduty_card.wire import tokens
from pagerduty_card.wire.quota import MAX_SKEW_S, RESERVED_SHARE, Quota, QuotaReading
from portal import workers
from portal.secret_shapes import mask
from portal.storage_checks import redis_problem

# Ages of incidents and ends of shifts are told to the minute.
SKEW_NOTICED_S = 30
_NAME_SERVICES = "Usual until entities name services that PagerDuty has."


def examine_portal(now: datetime) -> Finding:
    """The portal's own side: the worker, the setting as a whole, the sandbox, the cache.

    Args:
        now: The instant (UTC).
    """
    steps = [
        _worker(now),
        *(
            step("Setting", Verdict.WRONG, one.text, one.hint)
            for one in configuration.read(settings.PAGERDUTY_ACCOUNTS).mistakes
            if one.is_double or not one.account
        ),
    ]
    if settings.PAGERDUTY_SANDBOX:
        steps.append(
            step(
                "Sandbox",
                Verdict.WARNING,
                "PagerDuty is the built-in sandbox: incidents and people are invented.",
                "Set PAGERDUTY_SANDBOX=false and PAGERDUTY_TOKEN to connect to PagerDuty.",
            )
        )
    steps.append(_cache())
    return Finding(title="This portal", key="portal", steps=tuple(steps))


def examine_accounts(
    accounts: Iterable[Account], probes: Mapping[str, Probe], now: datetime
) -> list[Finding]:
    """Every account by itself; six queries for all.

    Args:
        accounts: Which.
        probes: What came of asking them lately, by name; those not asked are missing.
        now: The instant (UTC).
    """
    given = list(accounts)
    feeds: dict[tuple[str, str], Feed] = {
        (feed.account, feed.kind): feed
        for feed in Feed.objects.filter(
            service_pd_id="", account__in=[account.name for account in given]
        )
    }
    counts = Service.objects.counted()
    webhooks = examine_webhooks(given, now)
    return [
        Finding(
            title=f"Account {account.name}",
            key=f"account-{account.name}",
            steps=(
                *_account_steps(
                    account, probes.get(account.name), feeds, counts.get(account.name, 0), now
                ),
                *(() if account.problem else webhooks[account.name]),
            ),
        )
        for account in given
    ]


def _worker(now: datetime) -> Step:
    if problem := workers.problem(now):
        return step("Worker", Verdict.WRONG, problem, workers.START)
    found = workers.running(now)
    listed = "; ".join(
        f"{one}, version {one.version or 'unknown'}{'' if one.is_periodic else ', --no-periodic'}"
        for one in found
    )
    if sum(one.is_periodic for one in found) > 1:
        return step(
            "Worker",
            Verdict.WARNING,
            f"Several workers start the work that comes round, so it is started twice: {listed}.",
            "Start all but one with --no-periodic.",
            at=found[0].seen_at,
        )
    return step("Worker", Verdict.OK, f"Running: {listed}.", at=found[0].seen_at)


def _cache() -> Step:
    if problem := redis_problem():
        return step(
            "Cache",
            Verdict.WRONG,
            f"The Redis of REDIS_URL {problem}. Pages have no cache, and the worker does nothing.",
            "Correct REDIS_URL, or start it if it does not run.",
        )
    token = uuid4().hex
    for name in ("default", "shared"):
        caches[name].set("pagerduty:doctor", token, 10)
        if caches[name].get("pagerduty:doctor") != token:
            return step(
                "Cache",
                Verdict.WRONG,
                "The cache keeps nothing: each page is rendered anew for every reader.",
                "Run manage.py migrate; with a Redis, compare its memory limit (maxmemory).",
            )
    if not settings.REDIS_URL:
        return step(
            "Cache",
            Verdict.OK,
            "Rate limits are shared through the database; each process has its own page cache. "
            "With REDIS_URL there is one.",
        )
    return step("Cache", Verdict.OK, "Shared by all processes.")


def _account_steps(
    account: Account,
    probe: Probe | None,
    feeds: Mapping[tuple[str, str], Feed],
    count: int,
    now: datetime,
) -> Iterable[Step]:
    yield _credentials(account)
    if account.problem:
        return
    if account.oauth:
        yield _scopes(account)
    yield _hosts(account)
    quota = Quota(account)
    reading = quota.last_reading()
    yield _answers(account, probe, reading)
    if probe and not probe.reason:
        yield _permissions(probe)
    yield examine_paging(account, probe)
    yield _clock(reading)
    yield _budget(quota, reading)
    yield _requests(quota, now)
    for kind in Feed.Kind:
        yield _feed(kind, feeds.get((account.name, kind.value)), count, now)


def _credentials(account: Account) -> Step:
    if account.problem:
        return step(
            "Credentials",
            Verdict.WRONG,
            account.problem,
            "Correct the setting and restart the portal.",
        )
    if account.oauth:
        kind = (
            f"OAuth client {mask(account.oauth.client_id)} with secret "
            f"{mask(account.oauth.client_secret)}, as_account-{account.region}."
            f"{account.oauth.subdomain}"
        )
    elif account.token.startswith("u+"):
        kind = f"REST API key of a user, {mask(account.token)}"
    else:
        kind = f"REST API key, {mask(account.token)}"
    return step("Credentials", Verdict.OK, f"{kind} ({account.setting}).")


def _scopes(account: Account) -> Step:
    grant = tokens.last_grant(account)
    if grant is None:
        return step(
            "Scopes", Verdict.UNKNOWN, "No token has been given yet.", f"{CHECK} to ask for one."
        )
    granted = ", ".join(sorted(grant.scopes)) or "none"
    at = datetime.fromtimestamp(grant.given_at, UTC)
    if grant.missing:
        lacking = "; ".join(f"{scope} (for {SCOPES[scope]})" for scope in grant.missing)
        return step(
            "Scopes",
            Verdict.WRONG,
            f"Missing: {lacking}. Granted: {granted}.",
            "Add the missing scopes to the app in PagerDuty (Integrations, App Registration) "
            "and, where scopes are listed, to the account's scopes; then restart the portal.",
            at,
        )
    return step("Scopes", Verdict.OK, f"Granted all that is needed: {granted}.", at=at)


def _hosts(account: Account) -> Step:
    if account.address_mistakes:
        return step(
            "Hosts",
            Verdict.WRONG,
            " ".join(one.text for one in account.address_mistakes),
            " ".join(one.hint for one in account.address_mistakes),
        )
    hosts = [account.api_base_url, account.events_base_url]
    if account.oauth:
        hosts.append(account.oauth.identity_base_url)
    return step("Hosts", Verdict.OK, f"Region {account.region}: {', '.join(hosts)}.")


def _answers(account: Account, probe: Probe | None, reading: QuotaReading | None) -> Step:
    if probe:
        at = datetime.fromtimestamp(probe.at, UTC)
        if probe.region:
            return step(
                "Answers",
                Verdict.WRONG,
                f"{account.api_base_url} refuses the token, but the region {probe.region} accepts "
                "it.",
                f"Set {account.name_of('region')} to {probe.region} and restart the portal.",
                at,
            )
        if probe.reason:
            said = explain(probe.reason, probe.detail, reader=READER)
            return step("Answers", Verdict.WRONG, _joined(said.why, probe), said.advice, at)
        took_ms = round((probe.took_s or 0) * 1000)
        return step("Answers", Verdict.OK, f"PagerDuty answered within {took_ms} ms.", at=at)
    if reading is None:
        return step(
            "Answers",
            Verdict.UNKNOWN,
            "No answer came within the last day, as far as this process knows.",
            f"{CHECK} to ask.",
        )
    at = datetime.fromtimestamp(reading.at, UTC)
    return step("Answers", Verdict.OK, "The last answer that came.", at=at)


def _joined(why: str, probe: Probe) -> str:
    """The sentence with the detail behind it, unless it has it already."""
    return why if not probe.detail or probe.detail in why else f"{why} {probe.detail}"


def _permissions(probe: Probe) -> Step:
    at = datetime.fromtimestamp(probe.at, UTC)
    if not probe.refused:
        return step("Permissions", Verdict.OK, "All that the card needs may be read.", at=at)
    lacking = "; ".join(
        f"{SCOPES[scope]} ({scope}): {detail}" for scope, detail in sorted(probe.refused.items())
    )
    return step(
        "Permissions",
        Verdict.WRONG,
        f"May not be read: {lacking}",
        "Give the key's user, or the app, the missing permission in PagerDuty.",
        at,
    )


def _clock(reading: QuotaReading | None) -> Step:
    if reading is None or reading.skew_s is None:
        return step("Clock", Verdict.UNKNOWN, "No answer told PagerDuty's time.")
    at = datetime.fromtimestamp(reading.at, UTC)
    skew_s = round(reading.skew_s)
    if abs(skew_s) <= SKEW_NOTICED_S:
        return step("Clock", Verdict.OK, f"{abs(skew_s)} s from PagerDuty's clock.", at=at)
    side = "behind" if skew_s > 0 else "ahead of"
    verdict = Verdict.WRONG if abs(skew_s) > MAX_SKEW_S else Verdict.WARNING
    return step(
        "Clock",
        verdict,
        f"This machine's clock is {abs(skew_s)} s {side} PagerDuty's: ages and ends of shifts "
        "are told wrongly.",
        "Let the machine keep its time (NTP).",
        at,
    )


def _budget(quota: Quota, reading: QuotaReading | None) -> Step:
    wait_s = quota.wait_s(background=False)
    at = datetime.fromtimestamp(reading.at, UTC) if reading else None
    if wait_s:
        return step(
            "Budget",
            Verdict.WARNING,
            f"PagerDuty's limit is reached: nothing is asked for another {round(wait_s)} s.",
            "Give this portal a token of its own if other programs use this one.",
        )
    if reading is None or reading.limit is None or reading.remaining is None:
        return step("Budget", Verdict.UNKNOWN, "No answer told how many requests are left.", at=at)
    text = f"{reading.remaining:.0f} of {reading.limit:.0f} requests a minute were left."
    if reading.remaining <= reading.limit * RESERVED_SHARE:
        return step(
            "Budget",
            Verdict.WARNING,
            f"{text} Background work waits; people go first.",
            "Give this portal a token of its own if other programs use this one.",
            at,
        )
    return step("Budget", Verdict.OK, text, at=at)


def _requests(quota: Quota, now: datetime) -> Step:
    minute, hour = quota.answered(now.timestamp())
    return step(
        "Requests",
        Verdict.OK,
        f"This portal had {_counted(minute, 'answer')} in the minute before this one and "
        f"{hour} in the hour before, all its processes together.",
    )


def _feed(kind: Feed.Kind, feed: Feed | None, count: int, now: datetime) -> Step:
    what = "Services" if kind is Feed.Kind.SERVICES else kind.label[:1].upper() + kind.label[1:]
    if feed is None:
        return step(what, Verdict.WRONG, "Never asked for, so every card is empty.", START_WORKER)
    good = "Last good answer" if feed.succeeded_at else "No good answer yet"
    if feed.failed_at:
        said = explain(feed.reason, feed.detail, reader=READER)
        return step(what, Verdict.WRONG, f"{said.why} {good}.", said.advice, feed.succeeded_at)
    if feed.succeeded_at and now - feed.succeeded_at > OLD_AFTER[kind]:
        return step(
            what, Verdict.WRONG, f"Not asked since. {good}.", START_WORKER, feed.succeeded_at
        )
    if feed.succeeded_at and not feed.requests:
        text = f"Nothing was asked for: there was nothing to ask about{_comes_again(feed, now)}."
        return step(what, Verdict.UNKNOWN, text, _NAME_SERVICES, feed.succeeded_at)
    text = f"It took {_counted(feed.requests, 'request')}{_comes_again(feed, now)}. {good}."
    if kind is Feed.Kind.SERVICES:
        text = f"{_counted(count, 'service')} mirrored. {text}"
    return step(what, Verdict.OK, text, at=feed.succeeded_at)


def _comes_again(feed: Feed, now: datetime) -> str:
    for section in SECTIONS:
        if section.kind == feed.kind:
            left_s = round((next_at(section, feed) - now).total_seconds())
            if left_s <= 0:
                return "; the next is due"
            in_words = f"{left_s} s" if left_s < 90 else f"{_counted(round(left_s / 60), 'minute')}"
            return f"; the next is due in {in_words}"
    return ""


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
