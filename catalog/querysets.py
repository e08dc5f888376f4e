"""The query vocabulary of the catalog."""

from typing import TYPE_CHECKING, Self

from django.db import models

from catalog.kinds import Kind
from catalog.refs import EntityRef

if TYPE_CHECKING:
    from catalog.models import Entity, Relation


class EntityQuerySet(models.QuerySet["Entity"]):
    """Filters of entities under the names people use for them."""

    def of_kind(self, kind: Kind) -> Self:
        """Only entities of this kind."""
        return self.filter(kind=kind)

    def by_ref(self, ref: EntityRef) -> Self:
        """The one entity with this reference, or none."""
        return self.filter(ref=str(ref))

    def for_list(self) -> Self:
        """Everything that a row of a list prints: one query, and one for the tags."""
        return self.defer("descriptor").prefetch_related("tag_rows")


class RelationQuerySet(models.QuerySet["Relation"]):
    """Filters of relations."""

    def around(self, entity: "Entity") -> Self:
        """Every relation that the entity declares or is the target of."""
        return self.filter(models.Q(source=entity) | models.Q(target_ref=entity.ref))
