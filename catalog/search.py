"""Finding entities by text, best first."""

from django.db.models import Case, IntegerField, Q, Value, When
from django.db.models.functions import Coalesce, Lower, NullIf

from catalog.models import Entity, Tag
from catalog.querysets import EntityQuerySet

MAX_TEXT = 200
MAX_WORDS = 8
DEFAULT_SORT = "name"
# Lists show the title where there is one, so they are sorted by it too.
SHOWN_NAME = Lower(Coalesce(NullIf("title", Value("")), "name"))
SORTS: dict[str, tuple[str | Lower, ...]] = {
    "name": (SHOWN_NAME, "name", "namespace", "kind"),
    "kind": ("kind", "name", "namespace"),
    "type": ("type", "name", "namespace", "kind"),
    "owner": ("owner_ref", "name", "namespace", "kind"),
    "lifecycle": ("lifecycle", "name", "namespace", "kind"),
    "changed": ("-changed_at", "name", "namespace", "kind"),
}


def search_entities(text: str, entities: EntityQuerySet | None = None) -> EntityQuerySet:
    """Find the entities that contain every word of the text, best first.

    A word is looked for, without regard to case, in name, title, description, tags and owner.
    Matches of the name come first (the whole name, its beginning, a part of it), then the title,
    then the rest; ties by the name shown. ``%`` and ``_`` are ordinary characters.

    Args:
        text: What a person typed; beyond 200 characters and eight words it is not read.
        entities: Where to look; all entities when not given. Empty text finds all of them.
    """
    found = matching(text, Entity.objects.all() if entities is None else entities)
    phrase = " ".join(words_of(text))
    if not phrase:
        return found.order_by(*SORTS[DEFAULT_SORT])
    return found.annotate(
        rank=Case(
            When(name__iexact=phrase, then=Value(0)),
            When(title__iexact=phrase, then=Value(0)),
            When(name__istartswith=phrase, then=Value(1)),
            When(name__icontains=phrase, then=Value(2)),
            When(title__icontains=phrase, then=Value(3)),
            default=Value(4),
            output_field=IntegerField(),
        )
    ).order_by("rank", *SORTS[DEFAULT_SORT])


def matching(text: str, entities: EntityQuerySet) -> EntityQuerySet:
    """The entities that contain every word of the text, in no order."""
    for word in words_of(text):
        tagged = Tag.objects.filter(name__icontains=word).values("entity_id")
        entities = entities.filter(
            Q(name__icontains=word)
            | Q(title__icontains=word)
            | Q(description__icontains=word)
            | Q(owner_ref__icontains=word)
            | Q(pk__in=tagged)
        )
    return entities


def words_of(text: str) -> list[str]:
    """The words the search looks for."""
    return clean(text).split()[:MAX_WORDS]


def clean(text: str) -> str:
    """The text without what no database stores (NUL), cut to 200 characters."""
    return text.replace("\x00", "").strip()[:MAX_TEXT]
