"""Which refusal of an import still stands for an entity."""

from django.db.models import Exists, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from catalog.models import Entity, ImportIssue, ImportRun
from catalog.querysets import EntityQuerySet
from catalog.refs import EntityRef

_READ_TO_THE_END = (ImportRun.State.SUCCEEDED, ImportRun.State.REFUSED)


def standing_refusal(ref: EntityRef) -> ImportIssue | None:
    """The newest refusal of the document with this reference, if no later run cleared it.

    It is cleared when a later run read one of the same locations to its end without refusing the
    document again. One query.
    """
    return _standing().filter(ref=str(ref)).select_related("run").first()


def with_standing_refusal(entities: EntityQuerySet) -> EntityQuerySet:
    """Annotate each entity with the key of its standing refusal, for :func:`refusal_of`.

    A run that wrote the entity clears the refusals before it as well.
    """
    newest = _standing().filter(ref=OuterRef("ref"), run_id__gte=Coalesce(OuterRef("run_id"), 0))
    return entities.annotate(refusal_id=Subquery(newest.values("pk")[:1]))


def refusal_of(entity: Entity) -> ImportIssue | None:
    """The standing refusal of an entity loaded by :func:`with_standing_refusal`.

    One query where there is one, none where there is none.
    """
    pk = getattr(entity, "refusal_id", None)
    return ImportIssue.objects.select_related("run").get(pk=pk) if pk else None


def _standing() -> QuerySet[ImportIssue]:
    later = ImportRun.objects.filter(
        pk__gt=OuterRef("run_id"),
        state__in=_READ_TO_THE_END,
        locations__in=OuterRef("run__locations"),
    )
    return ImportIssue.objects.filter(~Exists(later)).order_by("-run_id", "pk")
