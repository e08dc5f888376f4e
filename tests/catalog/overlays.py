"""Overlays as tests lay them: one at a time, through the door that forms use."""

from django.contrib.auth.models import User

from catalog.editing.overlays import Value, replace_overlays, values_of
from catalog.models import Entity


def set_overlay(entity: Entity, field: str, key: str, value: str, *, user: User | None) -> None:
    """Lay one value over the entity's file, or change the one that lies there."""
    own = [one for one in values_of(entity) if (one.field, one.key) != (field, key)]
    laid = Value(field=field, key=key, value=value)
    replace_overlays(entity, [*own, laid], user=user)
