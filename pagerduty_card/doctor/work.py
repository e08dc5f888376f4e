"""What ``/healthz/work`` says of the work for PagerDuty that the worker promises."""

from datetime import datetime, timedelta

from django.db.models import Q

from pagerduty_card.accounts import configured_accounts
from pagerduty_card.doctor.findings import READER
from pagerduty_card.models import Feed, TriggeredIncident
from pagerduty_card.presenters.freshness import explain

# Asked for every 20 to 30 seconds: three answers in a row are missing.
INCIDENTS_WITHIN = timedelta(seconds=90)
# Sent again every 20 seconds, and each time waits for PagerDuty.
SENT_AGAIN_WITHIN = timedelta(seconds=120)


def old_incidents(now: datetime) -> str:
    """Say which accounts' open incidents are older than promised, and why; else nothing."""
    names = list(configured_accounts())
    feeds = {
        feed.account: feed
        for feed in Feed.objects.filter(
            account__in=names, service_pd_id="", kind=Feed.Kind.INCIDENTS
        )
    }
    late = []
    for name in names:
        feed = feeds.get(name)
        good_at = feed.asked_at if feed else None
        if good_at and now - good_at <= INCIDENTS_WITHIN:
            continue
        since = f"last synced {good_at:%Y-%m-%d %H:%M:%S} UTC" if good_at else "never synced"
        why = explain(feed.reason, "", reader=READER).why if feed and feed.failed_at else ""
        late.append(f"{since} (account {name}). {why}".strip())
    return " ".join(late)


def waiting_pages(now: datetime) -> str:
    """Say how many pages nobody has tried to send again for too long; else nothing."""
    tried_before = now - SENT_AGAIN_WITHIN
    count = (
        TriggeredIncident.objects.waiting_to_be_sent()
        .filter(
            Q(answered_at__lt=tried_before)
            | Q(answered_at__isnull=True, triggered_at__lt=tried_before)
        )
        .count()
    )
    if not count:
        return ""
    pages = "1 page waits" if count == 1 else f"{count} pages wait"
    minutes = SENT_AGAIN_WITHIN.seconds // 60
    return (
        f"{pages} to be sent again, and nothing was tried for {minutes} minutes: start the worker "
        "(python manage.py run_huey), and call whoever is on call."
    )
