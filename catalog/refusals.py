"""Which refusal of an import still stands for an entity."""

from django.db.models import Exists, OuterRef

from catalog.models import Entity, ImportIssue, ImportRun
from catalog.refs import EntityRef

_READ_TO_THE_END = (ImportRun.State.SUCCEEDED, ImportRun.State.REFUSED)


def standing_refusal(ref: EntityRef, entity: Entity | None = None) -> ImportIssue | None:
    """The newest refusal of the document with this reference, if no later run cleared it.

    It is cleared when a later run read one of the same locations to its end without refusing the
    document again, or wrote the entity. One query.

    Args:
        ref: The reference the document has, or would have had.
        entity: The entity in its last good version, if there is one.
    """
    later = ImportRun.objects.filter(
        pk__gt=OuterRef("run_id"),
        state__in=_READ_TO_THE_END,
        locations__in=OuterRef("run__locations"),
    )
    standing = ImportIssue.objects.filter(~Exists(later), ref=str(ref))
    if entity is not None and entity.run_id is not None:
        standing = standing.filter(run_id__gte=entity.run_id)
    return standing.select_related("run").order_by("-run_id", "pk").first()
