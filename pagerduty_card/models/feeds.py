"""How fresh each section of the mirror is."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import ClassVar, TypeAlias

from django.db import models
from django.utils import timezone

from pagerduty_card import freshness
from pagerduty_card.errors import PagerDutyError
from pagerduty_card.freshness import ALWAYS, Freshness, of_feeds
from pagerduty_card.models.services import Service


class FeedQuerySet(models.QuerySet["Feed"]):
    """Look-ups of freshness, and the two ways to write it."""

    def that_speak_of(self, *, accounts: Collection[str], pd_ids: Collection[str]) -> list["Feed"]:
        """Every feed of the accounts, and of the services with these ids; one query.

        Whoever writes the mirror notes it in one of them: equal feeds, equal rows.
        """
        return list(self.filter(service_pd_id__in={"", *pd_ids}, account__in=accounts).order_by())

    def freshness(
        self, services: Iterable[Service], feeds: Iterable["Feed"] | None = None
    ) -> dict[int, dict[str, Freshness]]:
        """Freshness of each section of each service, in one query, or none with ``feeds``.

        Args:
            services: Loaded with ``select_related("policy")``, as ``with_keys`` does.
            feeds: Of ``that_speak_of``, if the caller has them already.

        Returns:
            By primary key of the service, then by ``Feed.Kind`` value; every kind is there.
        """
        given = list(services)
        by_place = self._by_place({(s.account, s.pd_id) for s in given}, feeds)
        return {
            service.pk: {
                kind: of_feeds(
                    by_place[(service.account, "", kind)]
                    + by_place[(service.account, service.pd_id, kind)],
                    service.counts_since(kind),
                )
                for kind in self.model.Kind.values
            }
            for service in given
        }

    def freshness_of_absent(
        self, places: Collection[tuple[str, str]], feeds: Iterable["Feed"] | None = None
    ) -> dict[tuple[str, str], Freshness]:
        """Freshness of the services section for services that the mirror does not have.

        Here ``succeeded_at`` says when PagerDuty last listed its services without this one.

        Args:
            places: Pairs of account name and service id; an empty id stands for the account.
            feeds: Of ``that_speak_of``, if the caller has them already.

        Returns:
            By place.
        """
        kind = self.model.Kind.SERVICES.value
        by_place = self._by_place(places, feeds)
        return {
            (account, pd_id): of_feeds(
                by_place[(account, "", kind)] + (by_place[(account, pd_id, kind)] if pd_id else []),
                ALWAYS,
            )
            for account, pd_id in places
        }

    def _by_place(
        self, places: Collection[tuple[str, str]], feeds: Iterable["Feed"] | None
    ) -> Mapping[tuple[str, str, str], list["Feed"]]:
        if feeds is None and places:
            feeds = self.that_speak_of(
                accounts={account for account, _ in places},
                pd_ids={pd_id for _, pd_id in places},
            )
        found: dict[tuple[str, str, str], list[Feed]] = defaultdict(list)
        for feed in feeds or ():
            found[(feed.account, feed.service_pd_id, feed.kind)].append(feed)
        return found

    def mark_good(
        self,
        account: str,
        kind: str,
        service: str = "",
        *,
        asked_at: datetime,
        covers_since: datetime | None = None,
    ) -> None:
        """Note that the section was answered and stored.

        Args:
            account: Name of the account.
            kind: A ``Feed.Kind``.
            service: PagerDuty's id of the service; empty for the whole account.
            asked_at: When the first request of the answer was sent (UTC).
            covers_since: For changes, how far back the stored rows reach (UTC).
        """
        self.update_or_create(
            account=account,
            kind=kind,
            service_pd_id=service,
            defaults={
                "asked_at": asked_at,
                "succeeded_at": timezone.now(),
                "covers_since": covers_since,
                "failed_at": None,
                "reason": "",
                "detail": "",
                "request_id": "",
            },
        )

    def note_requests(self, account: str, kind: str, requests: int) -> None:
        """Note how many requests the last good answer took."""
        feeds = self.filter(account=account, kind=kind, service_pd_id="")
        feeds.exclude(requests=requests).update(requests=requests)

    def mark_changed_by_webhook(
        self, account: str, kind: str, service: str, *, at: datetime
    ) -> None:
        """Note that rows of a section changed without an answer; that makes nothing fresher.

        A webhook changed them, or the services that no entity names any more lost theirs.
        """
        self.update_or_create(
            account=account,
            kind=kind,
            service_pd_id=service,
            defaults={"changed_by_webhook_at": at},
        )

    def mark_failed(
        self, account: str, kind: str, error: PagerDutyError, service: str = ""
    ) -> None:
        """Note that the section was asked for in vain; what is stored stays as it is."""
        self.update_or_create(
            account=account,
            kind=kind,
            service_pd_id=service,
            defaults={
                "failed_at": timezone.now(),
                "reason": error.reason,
                "detail": error.detail,
                "request_id": error.request_id[:64],
            },
        )


class Feed(models.Model):
    """How fresh one section of the mirror is, for a whole account or for one service of it.

    Attributes:
        service_pd_id: The service the feed is of; empty for the whole account.
        asked_at: When the request of the last good answer was sent (UTC).
        succeeded_at: When the last good answer was stored (UTC); None until the first.
        failed_at: When the last attempt failed (UTC); None when the last attempt was good.
        reason, detail, request_id: Of that failure, see ``errors.PagerDutyError``.
        requests: How many requests that answer took.
        covers_since: For changes and acknowledgements, how far back the rows reach (UTC); None for
            other kinds.
        changed_by_webhook_at: When a webhook last changed rows of the section, or rows of services
            that no entity names any more were deleted (UTC); neither makes anything fresh.
    """

    Kind: TypeAlias = freshness.SectionKind

    # What a page that is looked at asks for by itself; the rest comes with the worker alone.
    OF_PAGE: ClassVar[tuple[str, ...]] = tuple(freshness.REFRESH_AFTER)

    account = models.CharField(max_length=64)
    kind = models.CharField(max_length=16, choices=Kind)
    service_pd_id = models.CharField(max_length=32, blank=True)
    asked_at = models.DateTimeField(null=True)
    succeeded_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=32, blank=True)
    detail = models.CharField(max_length=500, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    requests = models.PositiveIntegerField(default=0)
    covers_since = models.DateTimeField(null=True)
    changed_by_webhook_at = models.DateTimeField(null=True)

    objects = FeedQuerySet.as_manager()

    class Meta:
        ordering = ["account", "kind", "service_pd_id"]
        permissions = [("run_doctor", "Can see how PagerDuty is connected, and check it")]
        constraints = [
            models.UniqueConstraint(fields=["account", "kind", "service_pd_id"], name="feed_once")
        ]

    def __str__(self) -> str:
        return f"{self.account} {self.kind} {self.service_pd_id}".rstrip()


class MirrorOrigin(models.Model):
    """Which API an account was last mirrored from.

    Attributes:
        account: Its name.
        api_base_url: Of the REST API, as configured when the database was last prepared.
    """

    account = models.CharField(max_length=64, unique=True)
    api_base_url = models.CharField(max_length=2000)

    def __str__(self) -> str:
        return f"{self.account} from {self.api_base_url}"
