"""The name of a time zone behind a time of day. Pure."""

import datetime as dt


def zone_name(local: dt.datetime) -> str:
    """The zone's short name, such as CET, or for a zone without one UTC and the difference."""
    name = local.tzname() or ""
    if name[:1] not in {"+", "-"}:
        return name
    offset = f"{local:%z}"
    sign = "+" if offset[0] == "+" else "\u2212"
    return f"UTC{sign}{offset[1:3]}:{offset[3:5]}"
