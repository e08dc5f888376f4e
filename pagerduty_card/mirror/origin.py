"""Forget what was mirrored from another API, so that nobody takes it for this account's.

An account that was tried with the sandbox and then gets a token would show invented incidents and
people until its first sync, or for good where the token is refused.
"""

import logging

from django.db import transaction

from pagerduty_card.accounts import Account, all_accounts
from pagerduty_card.mapping.remapping import fits_code
from pagerduty_card.mirror.directory import forget_services, forget_unused
from pagerduty_card.models import Feed, MirrorOrigin, Service
from portal.batches import in_batches

logger = logging.getLogger(__name__)


def when_migrated(using: str, plan: object = None, **_: object) -> None:
    """Receive ``post_migrate``, which also follows each ``manage.py prepare``."""
    if not fits_code(using, plan):
        return
    known = dict(MirrorOrigin.objects.values_list("account", "api_base_url"))
    for account in all_accounts().values():
        before = known.get(account.name)
        if before != account.api_base_url:
            _note(account, forgets=before is not None)


@transaction.atomic
def _note(account: Account, *, forgets: bool) -> None:
    if forgets:
        logger.warning(
            "the account has another API than before: what was mirrored is forgotten",
            extra={"account": account.name},
        )
        services = Service.objects.of_account(account.name)
        for pks in in_batches(list(services.values_list("pk", flat=True))):
            forget_services(Service.objects.filter(pk__in=pks))
        forget_unused(account.name)
        Feed.objects.filter(account=account.name).delete()
    MirrorOrigin.objects.update_or_create(
        account=account.name, defaults={"api_base_url": account.api_base_url}
    )
