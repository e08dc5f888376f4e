"""PagerDuty's endpoints that look back, and their answers as values.

Source: https://developer.pagerduty.com/api-reference/ (REST API v2)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, Self

from pagerduty_card.domain import ApiIncident
from pagerduty_card.fields import (
    as_object,
    count,
    id_of,
    objects_of,
    required_instant,
    required_text,
    text,
)
from pagerduty_card.wire.paged_lists import MAX_PAGES, AccountClient, ids, iso

# The published schema names the type of an acknowledgement in two ways.
_ACKNOWLEDGED = frozenset({"acknowledge_log_entry", "acknowledgement_log_entry"})


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstAcknowledgement:
    """That somebody took an incident, and when (UTC)."""

    incident_id: str
    service_id: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One step in the life of an incident, as far as history needs it.

    Attributes:
        acknowledgement: None for a step of any other kind.
    """

    at: datetime
    acknowledgement: FirstAcknowledgement | None

    @classmethod
    def from_api(cls, raw: Any) -> Self:
        """Parse a log entry; of other kinds only the time is read."""
        raw = as_object(raw, "log entry")
        at = required_instant(raw, "created_at")
        if required_text(raw, "type") not in _ACKNOWLEDGED:
            return cls(at=at, acknowledgement=None)
        return cls(
            at=at,
            acknowledgement=FirstAcknowledgement(
                incident_id=id_of(as_object(raw.get("incident"), "incident of a log entry")),
                service_id=id_of(as_object(raw.get("service"), "service of a log entry")),
                at=at,
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """What PagerDuty's analytics reckon of a service; None where they do not tell.

    Attributes:
        mean_ack_s, mean_resolve_s: Seconds.
    """

    service_id: str
    mean_ack_s: int | None
    mean_resolve_s: int | None
    incidents: int | None
    interruptions: int | None
    off_hour_interruptions: int | None

    @classmethod
    def from_api(cls, raw: Any) -> Self:
        """Parse one row of the metrics by service."""
        raw = as_object(raw, "metrics")
        return cls(
            service_id=required_text(raw, "service_id"),
            mean_ack_s=_figure(raw, "mean_seconds_to_first_ack"),
            mean_resolve_s=_figure(raw, "mean_seconds_to_resolve"),
            incidents=_figure(raw, "total_incident_count"),
            interruptions=_figure(raw, "total_interruptions"),
            off_hour_interruptions=_figure(raw, "total_off_hour_interruptions"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Standard:
    """One of the account's standards, and whether the service keeps it."""

    name: str
    description: str
    is_passing: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How many of the account's standards a service keeps."""

    service_id: str
    passing: int
    total: int
    standards: tuple[Standard, ...]

    @classmethod
    def from_api(cls, raw: Any) -> Self:
        """Parse the score of one service; standards that are switched off are left out."""
        raw = as_object(raw, "score")
        score = as_object(raw.get("score"), "score of a service")
        return cls(
            service_id=required_text(raw, "resource_id"),
            passing=count(score, "passing"),
            total=count(score, "total"),
            standards=tuple(
                Standard(
                    name=text(one, "name"),
                    description=text(one, "description"),
                    is_passing=one.get("pass") is True,
                )
                for one in objects_of(raw.get("standards"))
                if one.get("active") is not False
            ),
        )


class PastClient(AccountClient):
    """Requests about what has been. Every method raises what ``PagerDutyClient.services`` does."""

    def resolved_incidents(
        self, service_ids: Sequence[str] = (), *, since: datetime, max_pages: int = MAX_PAGES
    ) -> tuple[list[ApiIncident], datetime]:
        """List incidents that were resolved since an instant, the last one first.

        Args:
            service_ids: PagerDuty service ids, at most 100; none means the whole account.
            since: How far back (UTC).
            max_pages: How many requests at most, 100 incidents each.

        Returns:
            The incidents, and how far back they reach (UTC): ``since``, or later where there are
            more than were asked for.

        Source:
            https://developer.pagerduty.com/api-reference/ (List incidents)
        """
        found, is_cut = self._pages(
            "/incidents",
            "incidents",
            ApiIncident.from_api,
            [
                ("statuses[]", "resolved"),
                ("date_range", "all"),
                ("sort_by", "resolved_at:desc"),
                ("time_zone", "UTC"),
                ("include[]", "priorities"),
                *ids("service_ids[]", service_ids),
            ],
            needs="incidents.read",
            max_pages=max_pages,
            is_enough=lambda last: last.resolved_at is not None and last.resolved_at < since,
        )
        ends = [one.resolved_at for one in found if one.resolved_at]
        kept = [one for one in found if one.resolved_at and one.resolved_at >= since]
        return kept, _reaches_back_to(ends) if is_cut else since

    def acknowledgements(
        self, *, since: datetime, until: datetime | None = None, max_pages: int = MAX_PAGES
    ) -> tuple[list[FirstAcknowledgement], datetime]:
        """List who took an incident, of the whole account, the latest first.

        Args:
            since: How far back (UTC).
            until: Up to when (UTC); None means now.
            max_pages: How many requests at most, 100 steps in the lives of incidents each.

        Returns:
            The acknowledgements, several of one incident among them, and how far back they reach
            (UTC): ``since``, or later where there was more than was asked for.

        Source:
            https://developer.pagerduty.com/api-reference/ (List log entries)
        """
        ends = [("until", iso(until))] if until else []
        found, is_cut = self._pages(
            "/log_entries",
            "log_entries",
            LogEntry.from_api,
            [("since", iso(since)), *ends, ("is_overview", "true"), ("time_zone", "UTC")],
            needs="incidents.read",
            max_pages=max_pages,
        )
        taken = [one.acknowledgement for one in found if one.acknowledgement]
        return taken, _reaches_back_to([one.at for one in found]) if is_cut else since

    def analytics(
        self, service_ids: Sequence[str], *, since: datetime, until: datetime
    ) -> list[Metrics]:
        """Read what PagerDuty reckons of services; those it has nothing of are left out.

        Args:
            service_ids: PagerDuty service ids, at most 100.
            since: Incidents created from here on (UTC).
            until: And before this (UTC).

        Source:
            https://developer.pagerduty.com/api-reference/ (Get aggregated service data)
        """
        asked = {
            "filters": {
                "created_at_start": iso(since),
                "created_at_end": iso(until),
                "service_ids": [value for _, value in ids("service_ids", service_ids)],
            },
            "time_zone": "Etc/UTC",
        }
        path = "/analytics/metrics/incidents/services"
        body, answer = self._rest.write(
            "POST", path, asked, self._until(), needs="analytics.write", is_of_one=False
        )
        return self._rows(body, "data", Metrics.from_api, answer.request_id)

    def standards(self, service_ids: Sequence[str]) -> list[Score]:
        """Read how many of the account's standards services keep.

        Args:
            service_ids: PagerDuty service ids, at most 100.

        Source:
            https://developer.pagerduty.com/api-reference/ (List resources' standards scores)
        """
        body, answer = self._rest.get(
            "/standards/scores/technical_services",
            ids("ids", service_ids),
            self._until(),
            needs="standards.read",
        )
        return self._rows(body, "resources", Score.from_api, answer.request_id)


def _reaches_back_to(times: Sequence[datetime]) -> datetime:
    """How far back a list that was cut off reaches: to its end, if it came newest first."""
    is_newest_first = all(one >= other for one, other in pairwise(times))
    return times[-1] if is_newest_first else max(times)


def _figure(raw: dict[str, Any], key: str) -> int | None:
    """A number as a whole one; None for null, missing or odd."""
    value = raw.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        return None
    return round(value)
