"""Which refusal of an import still stands for an entity."""

from django.db.models import Exists, OuterRef, QuerySet

from catalog.models import Entity, ImportIssue, ImportRun
from catalog.querysets import EntityQuerySet
from catalog.refs import EntityRef

_READ_TO_THE_END = (ImportRun.State.SUCCEEDED, ImportRun.State.REFUSED)


def standing_refusal(ref: EntityRef, *, since_run: int | None = None) -> ImportIssue | None:
    """The newest refusal of the document with this reference, if no later run cleared it.

    It is cleared when a later run read one of the same locations to its end without refusing the
    document again. One query.

    Args:
        ref: Of the document.
        since_run: Key of the run that last wrote the entity: it cleared the refusals before it.
    """
    issues = _standing().filter(ref=str(ref), run_id__gte=since_run or 0)
    return issues.select_related("run").first()


def with_was_refused(entities: EntityQuerySet) -> EntityQuerySet:
    """Annotate each entity with whether any run ever refused it, for :func:`refusal_of`."""
    return entities.annotate(was_refused=Exists(ImportIssue.objects.filter(ref=OuterRef("ref"))))


def refusal_of(entity: Entity) -> ImportIssue | None:
    """The standing refusal of an entity loaded by :func:`with_was_refused`.

    One query for an entity that was ever refused, none for all others.
    """
    if not getattr(entity, "was_refused", True):
        return None
    return standing_refusal(entity.entity_ref, since_run=entity.run_id)


def _standing() -> QuerySet[ImportIssue]:
    later = ImportRun.objects.filter(
        pk__gt=OuterRef("run_id"),
        state__in=_READ_TO_THE_END,
        locations__in=OuterRef("run__locations"),
    )
    return ImportIssue.objects.filter(~Exists(later)).order_by("-run_id", "pk")
