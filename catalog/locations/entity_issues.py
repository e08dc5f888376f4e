"""The import issues of an entity."""

from django.db.models import Exists, OuterRef

from catalog.models import Entity, EntityQuerySet, ImportIssue
from catalog.refs import EntityRef

MAX_SHOWN = 20


def of_ref(ref: EntityRef) -> list[ImportIssue]:
    """The issues of documents with this reference, refusals first, at most twenty.

    One query.
    """
    rows = ImportIssue.objects.filter(ref=str(ref)).select_related("run", "location")
    order = list(ImportIssue.Kind)
    return sorted(rows[:MAX_SHOWN], key=lambda issue: order.index(ImportIssue.Kind(issue.kind)))


def with_has_issues(entities: EntityQuerySet) -> EntityQuerySet:
    """Annotate each entity with whether it has any issue, for :func:`of_entity`."""
    return entities.annotate(has_issues=Exists(ImportIssue.objects.filter(ref=OuterRef("ref"))))


def of_entity(entity: Entity) -> list[ImportIssue]:
    """The issues of an entity loaded by :func:`with_has_issues`.

    One query for an entity that has any, none for all others.
    """
    return of_ref(entity.entity_ref) if getattr(entity, "has_issues", True) else []
