"""What exists: entities with tags, annotations and relations, and the text they are found by."""

from typing import Any, ClassVar, Self

from django.db import models
from django.urls import reverse

from catalog.descriptor.relations import INVERSE, key_of
from catalog.kinds import Kind
from catalog.models.locations import ImportRun, Location, file_and_line
from catalog.refs import EntityRef


class EntityQuerySet(models.QuerySet["Entity"]):
    """Filters of entities under the names people use for them."""

    def of_kind(self, kind: Kind) -> Self:
        """Only entities of this kind."""
        return self.filter(kind=kind)

    def by_ref(self, ref: EntityRef) -> Self:
        """The one entity with this reference, or none."""
        return self.filter(ref=str(ref))

    def without_documents(self) -> Self:
        """Without the columns that hold whole documents and the lines in them."""
        return self.defer("descriptor", "written", "reference_lines")

    def for_list(self) -> Self:
        """Everything that a row of a list prints: one query, and one for the tags.

        ``written`` too: the secrets that overlays hide are masked in descriptions.
        """
        return self.defer("descriptor", "reference_lines").prefetch_related("tag_rows")


class Entity(models.Model):
    """One thing of the catalog: a component, an API, a team, a person.

    ``kind``, ``namespace`` and ``name`` are as written; ``ref`` is the canonical lower-case
    reference and unique. What lists filter on is lifted out of the descriptor into columns.

    Attributes:
        owner_ref: Canonical reference of ``spec.owner``; empty when there is none.
        system_ref: Canonical reference of ``spec.system``; empty when there is none.
        title: The profile's display name, else the title. In this column and in ``description``,
            ``type`` and ``lifecycle`` copies of the entity's secrets are masked.
        sort_name: The shown name in lower case, cut to 200 characters: what lists are sorted by.
        descriptor: The whole descriptor in force as JSON, unknown keys included: what was written,
            with the overlays put over it.
        written: The descriptor without its overlays; None where there are none, which is where
            ``descriptor`` is what was written.
        digest: SHA-256 (hex) of what was written, to tell whether a document changed.
        location: The root it was read from; None for a local entity, and for one whose location
            was unregistered.
        source: The file's path or the address it was read from; empty for a local entity.
        source_line: 1-based line of the document's first key in ``source``.
        annotation_lines: 1-based line of each annotation in ``source``, by its key; one that an
            overlay or another file sets has none.
        reference_lines: 1-based line of each relation in ``source``, by ``key_of`` its type and
            target; one that an overlay sets has none.
        run: The run that last wrote it.
        first_run: The run that made it; None for a local entity.
        orphaned_at: Since when no location has its document any more (UTC); None while one has it.
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
    sort_name = models.CharField(max_length=200, editable=False, default="")
    owner_ref = models.CharField(max_length=500, blank=True)
    system_ref = models.CharField(max_length=500, blank=True)
    descriptor = models.JSONField(default=dict)
    written = models.JSONField(null=True, blank=True, editable=False)
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
    first_run = models.ForeignKey(
        ImportRun, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    source = models.CharField(max_length=1000, blank=True)
    source_line = models.PositiveIntegerField(null=True, blank=True)
    annotation_lines = models.JSONField(default=dict, blank=True, editable=False)
    reference_lines = models.JSONField(default=dict, blank=True, editable=False)
    orphaned_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField()

    objects = EntityQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "entities"
        ordering = ["name", "namespace", "kind"]
        # The index is counted within these alone, never in the wide rows: whatever it is narrowed
        # to by columns in the first, and all owners and all systems in one of their own each.
        indexes = [
            models.Index(
                fields=[
                    *("kind", "type", "lifecycle", "namespace"),
                    *("owner_ref", "system_ref", "sort_name"),
                ],
                name="entity_facets",
            ),
            models.Index(fields=["sort_name", "id"], name="entity_sorted"),
            models.Index(fields=["kind", "sort_name", "id"], name="entity_kind_sorted"),
            models.Index(fields=["owner_ref"], name="entity_owner"),
            models.Index(fields=["system_ref"], name="entity_system"),
            models.Index(fields=["name"], name="entity_name"),
            models.Index(fields=["location", "source"], name="entity_source"),
            models.Index(fields=["changed_at", "id"], name="entity_changed"),
            models.Index(
                fields=["orphaned_at"],
                name="entity_orphaned",
                condition=models.Q(orphaned_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.ref

    def get_absolute_url(self) -> str:
        """The entity's page."""
        return reverse("catalog:entity", kwargs=self.url_kwargs)

    @property
    def source_place(self) -> str:
        """``file:line`` of its document; empty for one made in the admin."""
        return file_and_line(self.source, self.source_line)

    def line_of(self, relation: "Relation") -> int | None:
        """1-based line of a relation that the entity declares, else of its document."""
        key = key_of(relation.type, relation.target_ref)
        return self.reference_lines.get(key) or self.source_line

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
        """The profile's display name, else the title, else the name; secrets masked."""
        return self.title or self.name

    @property
    def is_local(self) -> bool:
        """Whether it was made in the admin and no file rules it."""
        return not self.source

    @property
    def is_orphan(self) -> bool:
        """Whether it came from a file, and no location has its document any more."""
        return self.orphaned_at is not None or (bool(self.source) and self.location_id is None)

    @property
    def as_written(self) -> dict[str, Any]:
        """The descriptor without its overlays."""
        written: dict[str, Any] | None = self.written
        return self.descriptor if written is None else written

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
        indexes = [models.Index(fields=["key", "value", "entity"], name="annotation_found")]

    def __str__(self) -> str:
        return self.key


class RelationQuerySet(models.QuerySet["Relation"]):
    """Filters of relations."""

    def around(self, entity: Entity) -> Self:
        """Every relation that the entity declares or is the target of."""
        return self.filter(models.Q(source=entity) | models.Q(target_ref=entity.ref))

    def unresolved(self) -> Self:
        """Those whose target the catalog does not have; an orphan has no file to correct."""
        found = Entity.objects.filter(ref=models.OuterRef("target_ref"))
        return self.filter(source__orphaned_at=None).exclude(models.Exists(found))


class Relation(models.Model):
    """One edge as its declarer wrote it; the target sees the inverse type.

    The target is a reference, not a row: it need not exist ("unresolved"), and the edge is whole
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


class SearchText(models.Model):
    """What the text search reads of an entity, apart from its wide row and all in lower case.

    Attributes:
        name: The name.
        title: The title or display name.
        text: Everything it is found by: name, title, description, tags, owner, and the
            annotations that are no secrets.
    """

    entity = models.OneToOneField(
        Entity, on_delete=models.CASCADE, primary_key=True, related_name="search_text"
    )
    name = models.CharField(max_length=63)
    title = models.CharField(max_length=500, blank=True)
    text = models.TextField()

    def __str__(self) -> str:
        return self.name


class CatalogState(models.Model):
    """One row that says which write of the catalog was the last.

    What was counted at the same number is still true.

    Attributes:
        version: Goes up in the transaction of every write, and is never the same again.
    """

    version = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"version {self.version}"
