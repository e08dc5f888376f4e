"""Taking entities out of the catalog by hand."""

import logging
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from catalog.editing import history
from catalog.models import Entity, EntityQuerySet, Revision, SourceFile
from catalog.versions import bump
from portal.batches import in_batches

if TYPE_CHECKING:
    from django.contrib.auth.models import User

logger = logging.getLogger(__name__)


def remove(entities: EntityQuerySet, *, user: "User | None") -> int:
    """Delete entities, their history and overlays kept by their references, in one transaction.

    A file that still has one is read anew by the next refresh, which brings it back.

    Returns:
        How many there were.
    """
    with transaction.atomic():
        found = list(entities.order_by().values_list("pk", "ref", "source"))
        now = timezone.now()
        for batch in in_batches(found):
            Entity.objects.filter(pk__in=[pk for pk, _ref, _source in batch]).delete()
            Revision.objects.bulk_create(
                history.revision(ref, Revision.Action.REMOVED, at=now, user=user)
                for _pk, ref, _source in batch
            )
            # What is remembered of an unchanged file would hide that its entity is gone.
            SourceFile.objects.filter(
                address__in={source for _pk, _ref, source in batch if source}
            ).update(fingerprint="", etag="", last_modified="")
        bump()
    logger.info("entities removed", extra={"count": len(found), "user": user.pk if user else None})
    return len(found)
