"""What the page of a database that is away says of PagerDuty: where it is, and who was paged."""

from django.conf import settings
from django.http import HttpRequest
from django.urls import Resolver404, resolve

from pagerduty_card.accounts import all_accounts
from pagerduty_card.paging.triggering import OutcomeNotStored
from portal.outage import DirectLink


def links() -> list[DirectLink]:
    """The web addresses of the configured accounts, one each, from the settings.

    Source: https://support.pagerduty.com/main/docs/service-regions (addresses by region)
    """
    if settings.PAGERDUTY_SANDBOX:
        return []
    found: dict[str, str] = {}
    for account in all_accounts().values():
        region = ".eu" if account.region == "eu" else ""
        host = account.oauth.subdomain if account.oauth else "app"
        if account.is_unset and len(all_accounts()) > 1:
            continue
        found.setdefault(f"https://{host}{region}.pagerduty.com", account.name)
    if len(found) == 1:
        return [DirectLink(label="PagerDuty", url=url) for url in found]
    return [DirectLink(label=f"PagerDuty ({name})", url=url) for url, name in found.items()]


def outcome(request: HttpRequest, error: BaseException) -> str:
    """Say whether somebody was paged by a form that was sent while the database was away."""
    try:
        match = resolve(request.path_info)
    except Resolver404:
        return ""
    if request.method != "POST" or match.view_name != "pagerduty_card:trigger":
        return ""
    if isinstance(error, OutcomeNotStored):
        return (
            "It is not known whether anybody was paged. Look in PagerDuty before you send this "
            "form again: that may page twice."
        )
    return "Nobody was paged. If it is urgent, page in PagerDuty itself."
