"""The write routes of services: how alerts are grouped, which is all that can be changed."""

from sandbox.pagerduty import grouping
from sandbox.pagerduty.errors import InvalidInput
from sandbox.pagerduty.routing import Reply, find
from sandbox.pagerduty.write_request import Write


def update(write: Write, id_: str) -> Reply:
    """Change how a service groups alerts."""
    service = find(write.state.account.services, id_)
    given = write.part("service")
    if "alert_grouping_parameters" not in given:
        raise InvalidInput("The sandbox changes alert_grouping_parameters alone")
    service.grouping = grouping.parse(given["alert_grouping_parameters"])
    return Reply(200, {"service": write.serializer().service(service)})
