"""What people put over an entity's file, and what became of an entity over time.

These rows are tied to the reference, not to the entity's row: they outlive a document that goes
away and comes back.
"""

from django.conf import settings
from django.db import models

from catalog.models.entities import Entity
from catalog.models.locations import ImportRun


def entity_by_ref(related_name: str) -> "models.ForeignKey[Entity, Entity]":
    """A key to an entity by reference; the entity need not exist just now."""
    return models.ForeignKey(
        Entity,
        to_field="ref",
        db_column="ref",
        db_constraint=False,
        on_delete=models.DO_NOTHING,
        related_name=related_name,
    )


class Overlay(models.Model):
    """One value that a person put over what the file says; kept across imports.

    Attributes:
        field: What is laid over.
        key: The annotation's key, or the link's URL; empty for the owner.
        value: The annotation's value, the link's title (may be empty), or the owner's reference.
        author: Who wrote it last.
    """

    class Field(models.TextChoices):
        ANNOTATION = "annotation", "annotation"
        LINK = "link", "link"
        OWNER = "owner", "owner"

    entity = entity_by_ref("overlays")
    field = models.CharField(max_length=12, choices=Field)
    key = models.CharField(max_length=1000, blank=True)
    value = models.TextField(blank=True)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["field", "key"]
        constraints = [models.UniqueConstraint("entity", "field", "key", name="overlay_once")]

    def __str__(self) -> str:
        # Not the key of a link: an address may hold what is hidden elsewhere.
        what = self.key if self.field == self.Field.ANNOTATION else f"of {self.entity_id}"
        return f"{self.field} {what}"


class Revision(models.Model):
    """One change of an entity: what, when, and from which run or by whom.

    What a run makes new has no row: the entity itself says when and by which run it was made.

    Attributes:
        changes: ``[{"path", "old", "new"}]``; ``old`` or ``new`` is None for what was not there.
            Texts are cut, secrets masked.
    """

    class Action(models.TextChoices):
        CREATED = "created", "created"
        CHANGED = "changed", "changed"
        OVERLAID = "overlaid", "overlay changed"
        ORPHANED = "orphaned", "orphaned"
        RESTORED = "restored", "found again"
        REMOVED = "removed", "removed"

    entity = entity_by_ref("revisions")
    action = models.CharField(max_length=10, choices=Action)
    at = models.DateTimeField()
    run = models.ForeignKey(
        ImportRun, null=True, blank=True, on_delete=models.SET_NULL, related_name="revisions"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    changes = models.JSONField(default=list)

    class Meta:
        ordering = ["-at", "-pk"]
        indexes = [models.Index(fields=["entity", "-at"], name="revision_newest")]

    def __str__(self) -> str:
        return f"{self.entity_id} {self.action}"


class Star(models.Model):
    """An entity that a person keeps at hand."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="stars"
    )
    entity = entity_by_ref("stars")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint("user", "entity", name="star_once")]

    def __str__(self) -> str:
        return self.entity_id
