"""What the worker does for accounts while nobody looks."""

from datetime import timedelta

from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone

from portal.accounts.models import AccountEvent
from portal.tasks import every


@every(seconds=3600)
def forget_old_events() -> None:
    """Delete sessions that are over, and rows of both records after their time.

    What happened beside a sandbox stays: it is what tells a real account from a planted one.
    """
    SessionStore.clear_expired()
    if settings.PORTAL_ACCOUNT_RECORD_DAYS > 0:
        kept = timedelta(days=settings.PORTAL_ACCOUNT_RECORD_DAYS)
        AccountEvent.objects.filter(at__lt=timezone.now() - kept, in_sandbox=False).delete()
    if settings.PORTAL_ADMIN_LOG_DAYS > 0:
        kept = timedelta(days=settings.PORTAL_ADMIN_LOG_DAYS)
        LogEntry.objects.filter(action_time__lt=timezone.now() - kept).delete()
