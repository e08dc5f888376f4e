"""PagerDuty's endpoints: one method for each, typed, bounded in time and size.

Whatever goes wrong leaves as one of ``errors``.

Source: https://developer.pagerduty.com/api-reference/ (REST API v2, Events API v2)
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from pagerduty_card.domain import (
    ApiChangeEvent,
    ApiEscalationPolicy,
    ApiIncident,
    ApiOnCall,
    ApiService,
    MaintenanceWindow,
)
from pagerduty_card.errors import Throttled, TooMany, WrongClock
from pagerduty_card.wire.alerts import ApiAlert, TriggerEvent
from pagerduty_card.wire.answers import broken_by, event_error_of, parsed
from pagerduty_card.wire.paged_lists import MAX_RECORDS, OVERLAP, ids, iso
from pagerduty_card.wire.past import PastClient
from pagerduty_card.wire.quota import MAX_SKEW_S
from pagerduty_card.wire.rest import Params
from pagerduty_card.wire.transport import hide


class PagerDutyClient(PastClient):
    """Requests to one PagerDuty account; those about what has been are ``PastClient``'s.

    Attributes:
        events_clock: The clock of the Events API when it last answered (UTC); None where it has
            not answered or does not tell.
    """

    events_clock: datetime | None = None

    # Reading ----------------------------------------------------------------------------------

    def services(self) -> list[ApiService]:
        """List every service with its integrations and escalation policy, by name.

        Raises:
            Unreachable: No answer within the time budget, 408 or 5xx.
            Throttled: The token's quota is used up, now or since a moment ago.
            Refused: Token, permission or plan do not suffice.
            Rejected: PagerDuty finds a mistake in the request.
            Unreadable: The answer does not follow the contract.
            TooMany: There are over 10,000 records, of services over 20,000.

        Every other method that reads raises the same.

        Source:
            https://developer.pagerduty.com/api-reference/ (List services)
        """
        found, more = self._services("name:asc")
        if not more:
            return found
        known = {service.id for service in found}
        if len(known) < MAX_RECORDS:
            raise TooMany(f"/services repeats itself in {MAX_RECORDS} records and does not end.")
        # PagerDuty lists 10,000 at most, from either end: where the two meet, it is all of them.
        others, _ = self._services("name:desc")
        beyond = [service for service in others if service.id not in known]
        if len(beyond) == len(others):
            raise TooMany(f"PagerDuty has more than {2 * MAX_RECORDS} services.")
        return found + beyond[::-1]

    def _services(self, order: str) -> tuple[list[ApiService], bool]:
        params = [*_INCLUDE_SERVICE, ("sort_by", order)]
        return self._pages(
            "/services", "services", ApiService.from_api, params, needs="services.read"
        )

    def service(self, service_id: str) -> ApiService:
        """Read one service with its integrations and escalation policy.

        Raises:
            Refused: Also with reason ``not_found``: PagerDuty has no such service.

        Source:
            https://developer.pagerduty.com/api-reference/ (Get a service)
        """
        path = f"/services/{_segment(service_id)}"
        body, answer = self._rest.get(
            path, _INCLUDE_SERVICE, self._until(), needs="services.read", is_of_one=True
        )
        return parsed(ApiService.from_api, body.get("service"), answer.request_id)

    def open_incidents(self, service_ids: Sequence[str] = ()) -> list[ApiIncident]:
        """List every triggered and acknowledged incident of any age, newest first.

        Args:
            service_ids: PagerDuty service ids, for example ``PABC123``, at most 100; none means
                the whole account.

        Returns:
            The incidents; empty only when PagerDuty answered and has none.

        Source:
            https://developer.pagerduty.com/api-reference/ (List incidents)
        """
        return self._list(
            "/incidents",
            "incidents",
            ApiIncident.from_api,
            [
                ("statuses[]", "triggered"),
                ("statuses[]", "acknowledged"),
                ("date_range", "all"),
                ("sort_by", "created_at:desc"),
                ("time_zone", "UTC"),
                *[("include[]", what) for what in ("priorities", "acknowledgers", "assignees")],
                *ids("service_ids[]", service_ids),
            ],
            needs="incidents.read",
            overlap=OVERLAP,  # one that is not listed counts as resolved
        )

    def incidents_by_key(self, dedup_key: str) -> list[ApiIncident]:
        """List incidents in any state that an event with this ``dedup_key`` led to, newest first.

        Source:
            https://developer.pagerduty.com/api-reference/ (List incidents, ``incident_key``)
        """
        return self._list(
            "/incidents",
            "incidents",
            ApiIncident.from_api,
            [
                ("incident_key", dedup_key),
                ("date_range", "all"),
                ("sort_by", "created_at:desc"),
                ("time_zone", "UTC"),
                ("include[]", "assignees"),
            ],
            needs="incidents.read",
        )

    def oldest_alerts(self, incident_id: str) -> tuple[list[ApiAlert], bool]:
        """List the alerts of an incident, the oldest first; one request, 100 alerts at most.

        Returns:
            The alerts, and whether there are more.

        Source:
            https://developer.pagerduty.com/api-reference/ (List alerts for an incident)
        """
        return self._pages(
            f"/incidents/{_segment(incident_id)}/alerts",
            "alerts",
            ApiAlert.from_api,
            [("sort_by", "created_at:asc")],
            needs="incidents.read",
            max_pages=1,
        )

    def on_calls(
        self,
        policy_ids: Sequence[str] = (),
        *,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> list[ApiOnCall]:
        """List who is on call, at every level, now or also next.

        Args:
            policy_ids: Escalation policy ids, at most 100; none means the whole account.
            since: Start of the time asked about (UTC); None: who is on call now.
            until: End of it (UTC), at most 90 days ahead. With both, every shift in between.

        Raises:
            WrongClock: Our clock is too far from PagerDuty's to tell which of the shifts is now.

        Source:
            https://developer.pagerduty.com/api-reference/ (List all of the on-calls)
        """
        span: Params = []
        if since and until:
            span = [("since", iso(since)), ("until", iso(until))]
        found = self._list(
            "/oncalls",
            "oncalls",
            ApiOnCall.from_api,
            [
                *ids("escalation_policy_ids[]", policy_ids),
                ("include[]", "users"),
                ("time_zone", "UTC"),
                *span,
            ],
            needs="oncalls.read",
        )
        skew_s = self._rest.skew_s or 0.0
        if abs(skew_s) > MAX_SKEW_S:
            raise WrongClock(
                f"This machine's clock is {round(abs(skew_s) / 60)} minutes "
                f"{'behind' if skew_s > 0 else 'ahead of'} PagerDuty's."
            )
        return found

    def escalation_policies(self) -> list[ApiEscalationPolicy]:
        """List every escalation policy with its levels, by name.

        Source:
            https://developer.pagerduty.com/api-reference/ (List escalation policies)
        """
        return self._list(
            "/escalation_policies",
            "escalation_policies",
            ApiEscalationPolicy.from_api,
            [("include[]", "targets"), ("sort_by", "name:asc")],
            needs="escalation_policies.read",
        )

    def change_events(
        self, *, since: datetime, service_id: str = "", max_pages: int = 1
    ) -> tuple[list[ApiChangeEvent], bool]:
        """List changes of the whole account or of one service.

        Args:
            since: How far back (UTC).
            service_id: Empty for the whole account.
            max_pages: How many requests at most, 100 changes each.

        Returns:
            The changes in PagerDuty's order, and whether there are more that were not asked for.

        Source:
            https://developer.pagerduty.com/api-reference/ (List Change Events)
        """
        path = f"/services/{_segment(service_id)}/change_events" if service_id else "/change_events"
        needs = "services.read" if service_id else "change_events.read"
        return self._pages(
            path,
            "change_events",
            ApiChangeEvent.from_api,
            [("since", iso(since))],
            needs=needs,
            max_pages=max_pages,
        )

    def maintenance_windows(self, service_ids: Sequence[str] = ()) -> list[MaintenanceWindow]:
        """List the maintenance windows that are open now, of some services or of all.

        Source:
            https://developer.pagerduty.com/api-reference/ (List maintenance windows)
        """
        return self._list(
            "/maintenance_windows",
            "maintenance_windows",
            MaintenanceWindow.from_api,
            [("filter", "ongoing"), *ids("service_ids[]", service_ids)],
            needs="services.read",
        )

    def probe(self, path: str, *, needs: str) -> None:
        """Read one record of a list, only to learn whether it may be read.

        Args:
            path: Of the list, for example ``/services``.
            needs: The permission (OAuth scope) that it takes.
        """
        self._rest.get(path, [("limit", "1")], self._until(), needs=needs)

    # Paging somebody --------------------------------------------------------------------------

    def enqueue(self, event: TriggerEvent) -> str:
        """Hand one alert to PagerDuty, once; it is taken, not yet an incident.

        A cool-down of the REST API does not hold it back: the Events API has a quota of its own.

        Returns:
            PagerDuty's message.

        Raises:
            Rejected: 400, with PagerDuty's own words; repeating is of no use.
            Refused: The key is not accepted, or there is no Events API at the address.
            Throttled: 429; nobody was paged.
            Unreachable: 408, 5xx, or no answer. ``maybe_taken`` tells whether PagerDuty may
                have taken the alert nevertheless.
            Unreadable: Neither accepted nor refused in a way the contract knows.

        Source:
            https://developer.pagerduty.com/docs/events-api-v2-trigger-events
        """
        return self._enqueue(event.to_api(), event.routing_key)

    def try_key(self, routing_key: str, dedup_key: str) -> str:
        """Learn whether the Events API accepts a key, and page nobody.

        Sends the end of an alert that never was, which PagerDuty accepts and drops.

        Args:
            routing_key: A secret.
            dedup_key: Of no alert.

        Returns:
            PagerDuty's message.

        Raises:
            PagerDutyError: See ``enqueue``.

        Source:
            https://developer.pagerduty.com/docs/events-api-v2-overview (event action ``resolve``)
        """
        event = {"routing_key": routing_key, "event_action": "resolve", "dedup_key": dedup_key}
        return self._enqueue(event, routing_key)

    def _enqueue(self, event: dict[str, Any], routing_key: str) -> str:
        answer = self._rest.transport.send(
            "POST",
            f"{self.account.events_base_url}/enqueue",
            until=self._until(),
            headers={"Accept": "application/json", "Content-Type": "application/json"},
            data=json.dumps(event).encode(),
            secrets=(routing_key,),
        )
        self.events_clock = answer.dated_at
        if answer.status == 429:
            raise Throttled(
                "PagerDuty takes no more alerts for this service at the moment.",
                retry_after_s=answer.number("ratelimit-reset") or 30.0,
                request_id=answer.request_id,
            )
        if answer.status != 202:
            raise event_error_of(answer, host=self.account.events_base_url, secrets=(routing_key,))
        body = answer.body
        if not isinstance(body, dict) or body.get("status") != "success":
            what = "PagerDuty answered 202, but not that it accepted the alert"
            raise broken_by(what, answer, secrets=(routing_key,))
        return hide(str(body.get("message") or ""), (routing_key,))


_INCLUDE_SERVICE: Params = [
    ("include[]", what) for what in ("escalation_policies", "integrations", "teams")
]


def _segment(value: str) -> str:
    return quote(value, safe="")
