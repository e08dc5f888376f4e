"""The integrations of a service: the portal's among three to ten of other tools.

A service that is some years old has integrations of many types, in the order they were added.
Events API v2 takes the keys of its own type alone; e-mail has no key at all. Some services have
several keys that it takes, some only the portal's.
"""

from collections.abc import Iterator

from sandbox.pagerduty.account import Account
from sandbox.pagerduty.resources import EVENTS_V2, Integration, Vendor

_BACKSTAGE = Vendor(id="PRO19CT", name="Backstage")
_CLOUDWATCH = Vendor(id="PZQ6AUS", name="Amazon CloudWatch")
_DATADOG = Vendor(id="PAM4FGS", name="Datadog")
_NAGIOS = Vendor(id="PJDDZ1K", name="Nagios")
_PINGDOM = Vendor(id="PV3MF2I", name="Pingdom")
_PROMETHEUS = Vendor(id="PC7V2LN", name="Prometheus")

_TRANSFORMER = "event_transformer_api_inbound_integration"
_EMAIL = "generic_email_inbound_integration"
_OTHERS: tuple[tuple[str, str, Vendor | None], ...] = (
    ("Amazon CloudWatch", "aws_cloudwatch_inbound_integration", _CLOUDWATCH),
    ("E-mail", _EMAIL, None),
    ("API v1", "generic_events_api_inbound_integration", None),
    ("Nagios", "nagios_inbound_integration", _NAGIOS),
    ("Datadog", _TRANSFORMER, _DATADOG),
    ("Backstage", EVENTS_V2, _BACKSTAGE),
    ("Pingdom", "pingdom_inbound_integration", _PINGDOM),
    ("Prometheus", EVENTS_V2, _PROMETHEUS),
    ("Weekly report", _EMAIL, None),
)


def add_others(account: Account) -> Account:
    """Give every service two to nine integrations of other tools beside the portal's."""
    for number, service in enumerate(account.services):
        found = list(_others(service.id, number, count=2 + number % 8))
        portal = number % len(found)
        service.integrations = (*found[:portal], *service.integrations, *found[portal:])
    return account


def _others(service_id: str, number: int, count: int) -> Iterator[Integration]:
    for index in range(count):
        place = (number + index) % len(_OTHERS)
        name, type_, vendor = _OTHERS[place]
        yield Integration(
            id=f"PX{service_id[1:]}{place}",
            name=name,
            type=type_,
            vendor=vendor,
            key="" if type_ == _EMAIL else f"other0{service_id.lower():0<10}{place:016d}",
            email=f"{service_id.lower()}{place}@meridian.pagerduty.example"
            if type_ == _EMAIL
            else "",
        )
