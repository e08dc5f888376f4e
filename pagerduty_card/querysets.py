"""The query vocabulary of the PagerDuty mirror."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.apps import apps
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from pagerduty_card.errors import PagerDutyError
from pagerduty_card.freshness import BEGINNING, Freshness, of_feeds

if TYPE_CHECKING:
    from catalog.models import Entity
    from pagerduty_card.models import (
        ChangeEvent,
        Feed,
        Incident,
        OnCall,
        Service,
        TriggeredIncident,
    )

# More ids than this make a statement slower than reading all rows does.
_FEW = 500


class ServiceQuerySet(models.QuerySet["Service"]):
    """Filters of services."""

    def of_account(self, account: str) -> Self:
        """Services of one account."""
        return self.filter(account=account)

    def mapped(self) -> Self:
        """Services that some entity maps to."""
        return self.filter(is_mapped=True)

    def among(self, pd_ids: Collection[str]) -> Self:
        """Services with these ids; where there are many, more than those may come."""
        return self.filter(pd_id__in=pd_ids) if len(pd_ids) <= _FEW else self.all()

    def counted(self) -> dict[str, int]:
        """How many there are by account, one query."""
        found = self.order_by().values_list("account").annotate(models.Count("pk"))
        return dict(found)

    def found_by(
        self, *, pd_ids: Collection[str], integration_keys: Collection[str]
    ) -> list["Service"]:
        """Services that have one of the ids or one of the keys, with policy and ``found_keys``.

        One query, which has a row for each integration. Ids repeat between accounts: the caller
        compares the account.
        """
        wanted = Q(pd_id__in=pd_ids)
        if integration_keys:
            # By a subquery: all keys of the service are to come, not the wanted one alone.
            owners = self.order_by().filter(integrations__integration_key__in=integration_keys)
            wanted |= Q(pk__in=owners.values("pk"))
        rows = self.filter(wanted).select_related("policy")
        ordered = rows.order_by("pk", "integrations__name", "integrations__pk")
        found: dict[int, Service] = {}
        for row in ordered.annotate(one_key=F("integrations__integration_key")):
            service = found.setdefault(row.pk, row)
            if service is row:
                service.found_keys = []
            key: str | None = getattr(row, "one_key", None)
            if key:
                service.found_keys.append(key)
        return list(found.values())


class IncidentQuerySet(models.QuerySet["Incident"]):
    """Filters of open incidents."""

    def of_services(self, services: Iterable["Service"]) -> Self:
        """Open incidents of these services."""
        return self.filter(service__in=list(services)).order_by()


class ChangeEventQuerySet(models.QuerySet["ChangeEvent"]):
    """Filters of recent changes."""

    def of_services(self, services: Iterable["Service"]) -> Self:
        """Changes that name these services, newest first."""
        return self.filter(service__in=list(services)).order_by("-at", "pk")


class OnCallQuerySet(models.QuerySet["OnCall"]):
    """Filters of on-call rows; a row without start or end is open on that side."""

    def of_services(self, services: Iterable["Service"]) -> Self:
        """Rows of the services' policies, with the person."""
        policies = {service.policy_id for service in services if service.policy_id}
        return self.filter(policy__in=policies).select_related("responder")

    def current(self, now: datetime) -> Self:
        """Who is on call at ``now``."""
        return self.filter(
            Q(start__isnull=True) | Q(start__lte=now), Q(end__isnull=True) | Q(end__gt=now)
        )

    def next_handover(self, account: str, now: datetime) -> datetime | None:
        """When the earliest of the account's present shifts ends (UTC); None: none ends."""
        present = Q(start__isnull=True) | Q(start__lte=now)
        found = self.filter(present, policy__account=account, end__gt=now)
        # By the index on the end: of very many rows the first few are looked at.
        return found.order_by("end").values_list("end", flat=True).first()


class FeedQuerySet(models.QuerySet["Feed"]):
    """Look-ups of freshness, and the two ways to write it."""

    def that_speak_of(
        self,
        *,
        accounts: Collection[str],
        pd_ids: Collection[str],
        integration_keys: Collection[str],
    ) -> list["Feed"]:
        """Every feed of the accounts, and of the services with these ids or keys; one query.

        Whoever writes the mirror notes it in one of them: equal feeds, equal rows.
        """
        places = Q(service_pd_id__in={"", *pd_ids})
        if integration_keys:
            keys = apps.get_model("pagerduty_card", "Integration").objects.filter(
                integration_key__in=integration_keys
            )
            places |= Q(service_pd_id__in=keys.values("service__pd_id"))
        return list(self.filter(places, account__in=accounts).order_by())

    def freshness(
        self, services: Iterable["Service"], feeds: Iterable["Feed"] | None = None
    ) -> dict[int, dict[str, Freshness]]:
        """Freshness of each section of each service, in one query, or none with ``feeds``.

        Args:
            services: Loaded with ``select_related("policy")``, as ``found_by`` does.
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
                    known_since=service.known_since(kind),
                    own_since=service.policy_since(kind),
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
                known_since=BEGINNING,
                own_since=BEGINNING,
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
                integration_keys=(),
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

    def mark_told(self, account: str, kind: str, service: str, *, at: datetime) -> None:
        """Note that a webhook changed rows of a service's section; nothing is fresher for it."""
        self.update_or_create(
            account=account, kind=kind, service_pd_id=service, defaults={"told_at": at}
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


class TriggeredIncidentQuerySet(models.QuerySet["TriggeredIncident"]):
    """Filters of the audit."""

    def of_entity(self, entity: "Entity") -> Self:
        """Attempts made from this entity's page, newest first, also after a re-import."""
        return self.filter(entity_ref=entity.ref)

    def awaiting_incident(self, now: datetime) -> Self:
        """Attempts whose incident may still be found, for a day: PagerDuty may be late, not deaf.

        Those that failed too: where something on the way refused what PagerDuty had already taken,
        an incident with their key says so.
        """
        state = self.model.State
        return self.filter(
            state__in=[state.ACCEPTED, state.NOT_SEEN, state.UNSURE, state.FAILED],
            triggered_at__gt=now - self.model.LOOKED_FOR,
        )

    def waiting_to_be_sent(self) -> Self:
        """Attempts the worker is to send again or to end, the one tried longest ago first."""
        state = self.model.State
        return self.filter(
            state__in=[state.RETRYING, state.UNSURE, state.SENDING], retry_until__isnull=False
        ).order_by("answered_at", "pk")
