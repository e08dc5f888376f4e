"""What exists: entities, their relations, and where they were read from."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.urls import reverse

from catalog.descriptor.relations import INVERSE
from catalog.kinds import Kind
from catalog.querysets import EntityQuerySet, RelationQuerySet
from catalog.refs import EntityRef


class Location(models.Model):
    """A file, folder, glob or URL that descriptors are read from.

    Attributes:
        target: Absolute path or glob for ``file``, address for ``url``.
        read_at: When it was last read to its end (UTC); None until then.
    """

    class Type(models.TextChoices):
        FILE = "file", "file, folder or glob"
        URL = "url", "URL"

    type = models.CharField(max_length=8, choices=Type)
    target = models.CharField(max_length=1000)
    created_at = models.DateTimeField(auto_now_add=True)
    read_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["target"]
        constraints = [models.UniqueConstraint("type", "target", name="location_once")]

    def __str__(self) -> str:
        return self.target


class ImportRun(models.Model):
    """One reading of one or more locations: what it did and what it refused.

    A dry run leaves no row. Counts are of documents, ``removed`` of entities.
    """

    class State(models.TextChoices):
        RUNNING = "running", "running"
        SUCCEEDED = "succeeded", "succeeded"
        REFUSED = "refused", "finished, some documents refused"
        FAILED = "failed", "failed: nothing was changed"

    locations: models.ManyToManyField[Location, models.Model] = models.ManyToManyField(
        Location, related_name="runs", blank=True
    )
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL
    )
    started_at = models.DateTimeField(auto_now_add=True)
    duration_s = models.FloatField(default=0, help_text="Seconds from start to end.")
    state = models.CharField(max_length=12, choices=State, default=State.RUNNING)
    prune = models.BooleanField(default=False)
    created = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    removed = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-started_at", "-pk"]
        indexes = [models.Index(fields=["-started_at"], name="importrun_newest")]

    def __str__(self) -> str:
        return f"run {self.pk}: {self.get_state_display()}"


class ImportIssue(models.Model):
    """A document, file or location that a run refused, with every reason and its place.

    Attributes:
        document: 0-based number of the document in the file; None when the whole file failed.
        line: 1-based line of the first error, None when there is none.
        ref: Canonical reference of the entity, if it could be read.
        messages: ``[{"line", "column", "path", "message", "hint"}]``, all errors in file order.
    """

    run = models.ForeignKey(ImportRun, on_delete=models.CASCADE, related_name="issues")
    file = models.CharField(max_length=1000)
    document = models.PositiveIntegerField(null=True, blank=True)
    line = models.PositiveIntegerField(null=True, blank=True)
    ref = models.CharField(max_length=200, blank=True, db_index=True)
    messages = models.JSONField(default=list)

    class Meta:
        ordering = ["file", "document", "pk"]

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.messages[0]['message'] if self.messages else 'refused'}"


class Entity(models.Model):
    """One thing of the catalog: a component, an API, a team, a person.

    ``kind``, ``namespace`` and ``name`` are as written; ``ref`` is the canonical lower-case
    reference and unique. What lists filter on is lifted out of the descriptor into columns.

    Attributes:
        owner_ref: Canonical reference of ``spec.owner``; empty when there is none.
        system_ref: Canonical reference of ``spec.system``; empty when there is none.
        descriptor: The whole descriptor as JSON, unknown keys included.
        digest: SHA-256 (hex) of the descriptor, to tell whether a document changed.
        location: The root it was read from; None for an entity made in the admin.
        source: The file's path or the address it was read from; empty for one made in the admin.
        source_line: 1-based line of the document's first key in ``source``.
        changed_at: When the descriptor last changed (UTC).
    """

    ref = models.CharField(max_length=200, unique=True, editable=False)
    kind = models.CharField(max_length=63, choices=Kind)
    namespace = models.CharField(max_length=63, default="default")
    name = models.CharField(max_length=63)
    title = models.CharField(max_length=500, blank=True)
    description = models.TextField(blank=True)
    type = models.CharField(max_length=200, blank=True)
    lifecycle = models.CharField(max_length=200, blank=True)
    owner_ref = models.CharField(max_length=500, blank=True)
    system_ref = models.CharField(max_length=500, blank=True)
    descriptor = models.JSONField(default=dict)
    digest = models.CharField(max_length=64, editable=False)
    location = models.ForeignKey(
        Location, null=True, blank=True, on_delete=models.SET_NULL, related_name="entities"
    )
    run = models.ForeignKey(
        ImportRun,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="entities",
        help_text="The run that last wrote it.",
    )
    source = models.CharField(max_length=1000, blank=True)
    source_line = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField()

    objects = EntityQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "entities"
        ordering = ["name", "namespace", "kind"]
        indexes = [
            models.Index(fields=["kind", "name"], name="entity_kind_name"),
            models.Index(fields=["kind", "type"], name="entity_kind_type"),
            models.Index(fields=["lifecycle"], name="entity_lifecycle"),
            models.Index(fields=["owner_ref"], name="entity_owner"),
            models.Index(fields=["system_ref"], name="entity_system"),
            models.Index(fields=["name"], name="entity_name"),
            models.Index(fields=["title"], name="entity_title"),
        ]

    def __str__(self) -> str:
        return self.ref

    def get_absolute_url(self) -> str:
        """The entity's page."""
        return reverse("catalog:entity", kwargs=self.url_kwargs)

    @property
    def url_kwargs(self) -> dict[str, str]:
        """The three parts of every address below the entity's page, in lower case."""
        ref = self.entity_ref
        return {"namespace": ref.namespace, "kind": ref.kind, "name": ref.name}

    @property
    def entity_ref(self) -> EntityRef:
        """The reference as a value."""
        return EntityRef.of(self.kind, self.namespace, self.name)

    @property
    def kind_choice(self) -> Kind:
        """The kind with its icon."""
        return Kind(self.kind)

    @property
    def display_name(self) -> str:
        """The profile's display name, else the title, else the name."""
        profile = self.spec.get("profile")
        shown = profile.get("displayName") if isinstance(profile, dict) else None
        return shown or self.title or self.name

    @property
    def metadata(self) -> dict[str, Any]:
        """``metadata`` of the descriptor."""
        return self.descriptor.get("metadata") or {}

    @property
    def spec(self) -> dict[str, Any]:
        """``spec`` of the descriptor."""
        return self.descriptor.get("spec") or {}

    @property
    def annotations(self) -> dict[str, str]:
        """``metadata.annotations``; empty when there are none."""
        return self.metadata.get("annotations") or {}


class Tag(models.Model):
    """One of an entity's ``metadata.tags``, lifted for filtering."""

    entity = models.ForeignKey(Entity, on_delete=models.CASCADE, related_name="tag_rows")
    name = models.CharField(max_length=63)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint("entity", "name", name="tag_once")]
        indexes = [models.Index(fields=["name", "entity"], name="tag_name")]

    def __str__(self) -> str:
        return self.name


class Annotation(models.Model):
    """One of an entity's ``metadata.annotations``, lifted so that an app can find its entities.

    Attributes:
        value: The first 500 characters, enough to find by; the descriptor has all of it.
    """

    entity = models.ForeignKey(Entity, on_delete=models.CASCADE, related_name="annotation_rows")
    key = models.CharField(max_length=320)
    value = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint("entity", "key", name="annotation_once")]
        indexes = [models.Index(fields=["key", "value"], name="annotation_key_value")]

    def __str__(self) -> str:
        return self.key


class Relation(models.Model):
    """One edge as its declarer wrote it; the target sees the inverse type.

    The target is a reference, not a row: it need not exist ("dangling"), and the edge is whole
    again when the target turns up.

    Attributes:
        type: From the declarer's side, for example ``ownedBy``.
        target_ref: Canonical reference of the other end.
    """

    class Type(models.TextChoices):
        """Relation types; ``inverse`` is the type the other end sees.

        Source: https://backstage.io/docs/features/software-catalog/well-known-relations
        """

        OWNED_BY = "ownedBy", "owned by"
        OWNER_OF = "ownerOf", "owner of"
        PART_OF = "partOf", "part of"
        HAS_PART = "hasPart", "has part"
        PROVIDES_API = "providesApi", "provides API"
        API_PROVIDED_BY = "apiProvidedBy", "API provided by"
        CONSUMES_API = "consumesApi", "consumes API"
        API_CONSUMED_BY = "apiConsumedBy", "API consumed by"
        DEPENDS_ON = "dependsOn", "depends on"
        DEPENDENCY_OF = "dependencyOf", "dependency of"
        CHILD_OF = "childOf", "child of"
        PARENT_OF = "parentOf", "parent of"
        HAS_MEMBER = "hasMember", "has member"
        MEMBER_OF = "memberOf", "member of"

        @property
        def inverse(self) -> "Relation.Type":
            """The type that the other end sees."""
            return Relation.Type(INVERSE[self.value])

    source = models.ForeignKey(Entity, on_delete=models.CASCADE, related_name="declared")
    type = models.CharField(max_length=20, choices=Type)
    target_ref = models.CharField(max_length=500)

    objects = RelationQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint("source", "type", "target_ref", name="relation_once")
        ]
        indexes = [models.Index(fields=["target_ref", "type"], name="relation_target")]

    def __str__(self) -> str:
        return f"{self.type} {self.target_ref}"

    @property
    def inverse(self) -> "Relation.Type":
        """The type that the target sees."""
        return Relation.Type(self.type).inverse
