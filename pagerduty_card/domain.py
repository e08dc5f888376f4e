"""PagerDuty's things as values, parsed once at the edge. No Django, no HTTP.

Every ``from_api`` takes one object of PagerDuty's JSON and raises ``Unreadable`` when a field that
the contract requires is missing or of another type. Times are aware UTC.

Source: https://developer.pagerduty.com/api-reference/ (REST API v2)
"""

from enum import StrEnum


class Severity(StrEnum):
    """Severity of an alert, worst first.

    Source: https://developer.pagerduty.com/docs/events-api-v2-overview
    """

    CRITICAL = "critical"
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"
