"""One turn of every section, unchanged, in a process of its own: what it writes and what it costs.

``python -m tests.bench.steady`` prints one JSON object.
"""

import json
import sys
import time
from datetime import timedelta

from tests.bench.child import peak_mb

# Where a turn may write although PagerDuty said the same again.
ALWAYS_WRITTEN = ("pagerduty_card_feed", "shared_cache", "pagerduty_card_inbox")


def main() -> dict[str, object]:
    import django

    django.setup()
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from pagerduty_card.accounts import get_account
    from pagerduty_card.models import Feed
    from pagerduty_card.syncing.accounts import SECTIONS, sync_account
    from pagerduty_card.wire.client import PagerDutyClient

    account = get_account()
    feeds = {feed.kind: feed for feed in Feed.objects.filter(service_pd_id="")}
    hour = {
        section.kind: feeds[section.kind].requests
        * (timedelta(hours=1) / section.interval(feeds[section.kind].requests))
        for section in SECTIONS
        if section.kind in feeds
    }
    kinds = [section.kind for section in SECTIONS if section.kind != Feed.Kind.SHIFTS]
    found: dict[str, object] = {"hour": hour}
    with PagerDutyClient(account) as client:
        sync_account(account, client, kinds=kinds)
        begun = time.process_time()
        sync_account(account, client, kinds=kinds)
        found["cpu_s"] = time.process_time() - begun
        with CaptureQueriesContext(connection) as captured:
            sync_account(account, client, kinds=kinds)
    queries = [query["sql"] for query in captured.captured_queries]
    found["queries"] = len(queries)
    found["writes"] = [
        sql[:120]
        for sql in queries
        if sql.startswith(("INSERT", "UPDATE", "DELETE"))
        and not any(table in sql for table in ALWAYS_WRITTEN)
    ]
    found["peak_mb"] = peak_mb()
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main()))
