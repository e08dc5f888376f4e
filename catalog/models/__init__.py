"""The catalog's rows: where things are read from, what exists, and what people add to it."""

from catalog.models.editing import Overlay, Revision, Star
from catalog.models.entities import (
    Annotation,
    CatalogState,
    Entity,
    EntityQuerySet,
    Relation,
    RelationQuerySet,
    SearchText,
    Tag,
)
from catalog.models.locations import ImportIssue, ImportRun, Location, SourceFile, file_and_line

__all__ = [
    "Annotation",
    "CatalogState",
    "Entity",
    "EntityQuerySet",
    "ImportIssue",
    "ImportRun",
    "Location",
    "Overlay",
    "Relation",
    "RelationQuerySet",
    "Revision",
    "SearchText",
    "SourceFile",
    "Star",
    "Tag",
    "file_and_line",
]
