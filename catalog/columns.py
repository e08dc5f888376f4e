"""Turn a descriptor into columns, tags, annotations, relations and search text."""

import hashlib
import json
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from django.db import transaction

from catalog.descriptor.relations import FIELDS
from catalog.masking import Masker, words_to_hide
from catalog.models import Annotation, Entity, Relation, SearchText, Tag
from catalog.refs import EntityRef
from catalog.secrets import forms_of, is_secret
from catalog.signals import entities_written
from catalog.versions import bump
from portal.batches import in_batches

ENTITY_COLUMNS = (
    "kind",
    "namespace",
    "name",
    "title",
    "sort_name",
    "description",
    "type",
    "lifecycle",
    "owner_ref",
    "system_ref",
    "descriptor",
)
_MASKED_COLUMNS = ("title", "sort_name", "description", "type", "lifecycle")
Pairs = Sequence[Sequence[str]]
_MAX_TITLE, _MAX_TYPE, _MAX_VALUE, _MAX_SORT = 500, 200, 500, 200
_BATCH = 1000


def entity_columns(
    descriptor: dict[str, Any], written: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The columns of an entity.

    Args:
        descriptor: A valid descriptor: the one in force.
        written: What overlays lie over, if any do; its secrets are masked too.

    Returns:
        Values of every field of ``ENTITY_COLUMNS``; long titles and types are cut for the column,
        copies of secrets in them are masked. The descriptor keeps all of them.
    """
    metadata, spec = descriptor["metadata"], descriptor["spec"]
    replaced = written["metadata"].get("annotations") if written else None
    hide = Masker.of_annotations(metadata.get("annotations") or {}, replaced or {}).text
    title = hide(_profile_name(spec) or _text(metadata.get("title")))
    namespace = metadata.get("namespace", "default")
    return {
        "kind": descriptor["kind"],
        "namespace": namespace,
        "name": metadata["name"],
        "title": title[:_MAX_TITLE],
        "sort_name": (title or metadata["name"]).lower()[:_MAX_SORT],
        "description": hide(_text(metadata.get("description"))),
        "type": hide(_text(spec.get("type")))[:_MAX_TYPE],
        "lifecycle": hide(_text(spec.get("lifecycle")))[:_MAX_TYPE],
        "owner_ref": _ref(descriptor, "owner", namespace),
        "system_ref": _ref(descriptor, "system", namespace),
        "descriptor": descriptor,
    }


def _profile_name(spec: dict[str, Any]) -> str:
    """The display name of a group or a person, which is what they are listed and found by."""
    profile = spec.get("profile")
    return _text(profile.get("displayName")) if isinstance(profile, dict) else ""


def _text(value: Any) -> str:
    # A kind without the field may still have a key of that name, of any type; and where a
    # placeholder could not be read, the placeholder itself stands.
    return value if isinstance(value, str) else ""


def _ref(descriptor: dict[str, Any], name: str, namespace: str) -> str:
    value = descriptor["spec"].get(name)
    for field in FIELDS[descriptor["kind"]]:
        if field.name == name and value and isinstance(value, str):
            ref = EntityRef.parse(
                value, default_kind=field.default_kind, default_namespace=namespace
            )
            return str(ref)
    return ""


def digest_of(descriptor: dict[str, Any]) -> str:
    """SHA-256 (hex) of a descriptor, whatever the order of its keys."""
    text = json.dumps(descriptor, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def write_details(written: Iterable[tuple[Entity, Pairs]], *, replaced: Sequence[int]) -> None:
    """Write tags, annotations, relations and search text of entities just written; say so.

    Args:
        written: Each entity with its relations as pairs of type and target.
        replaced: Primary keys of those that had rows before.
    """
    if replaced:
        _delete_texts(replaced)
        Annotation.objects.filter(entity_id__in=replaced).delete()
        Relation.objects.filter(source_id__in=replaced).delete()
    annotations: list[Annotation] = []
    relations: list[Relation] = []
    entities: list[Entity] = []
    for entity, pairs in written:
        entities.append(entity)
        annotations += [
            Annotation(entity=entity, key=key, value=value[:_MAX_VALUE])
            for key, value in entity.annotations.items()
            if isinstance(value, str)
        ]
        relations += [Relation(source=entity, type=kind, target_ref=ref) for kind, ref in pairs]
    _write_texts(entities)
    Annotation.objects.bulk_create(annotations, batch_size=_BATCH)
    Relation.objects.bulk_create(relations, batch_size=_BATCH)
    entities_written.send(Entity, pks=[entity.pk for entity in entities])


def hide_in_texts(secrets: Collection[str], pks: Collection[int] | None = None) -> None:
    """Write the texts of entities anew that hold a secret which became known since.

    Reads each search text once, or none where there are no secrets.

    Args:
        secrets: Those that :func:`catalog.masking.add_known_secrets` tells the digests of.
        pks: Entities to look at; None stands for all.
    """
    forms = {form for secret in secrets for form in forms_of(secret)}
    if not forms:
        return
    rows = SearchText.objects.values_list("pk", "text")
    texts = (
        rows.iterator(chunk_size=_BATCH)
        if pks is None
        else (text for batch in in_batches(pks) for text in rows.filter(pk__in=batch))
    )
    found = [pk for pk, text in texts if not forms.isdisjoint(words_to_hide(text))]
    for pks in in_batches(found):
        with transaction.atomic():
            entities = list(Entity.objects.select_for_update().filter(pk__in=pks))
            for entity in entities:
                columns = entity_columns(entity.descriptor, entity.written)
                for name in _MASKED_COLUMNS:
                    setattr(entity, name, columns[name])
            Entity.objects.bulk_update(entities, _MASKED_COLUMNS)
            _delete_texts(pks)
            _write_texts(entities)
    if found:
        bump()


def _delete_texts(pks: Sequence[int]) -> None:
    for model in (Tag, SearchText):
        model.objects.filter(entity_id__in=pks).delete()


def _write_texts(entities: Sequence[Entity]) -> None:
    """Write tags and search texts, secrets masked."""
    tags: list[Tag] = []
    for entity in entities:
        hide = Masker.of(entity).text
        names = dict.fromkeys(hide(tag) for tag in _tags(entity))
        tags += [Tag(entity=entity, name=name) for name in names]
    Tag.objects.bulk_create(tags, batch_size=_BATCH)
    SearchText.objects.bulk_create(map(_search_text, entities), batch_size=_BATCH)


def _tags(entity: Entity) -> list[str]:
    tags = entity.metadata.get("tags")
    return [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []


def _search_text(entity: Entity) -> SearchText:
    """What the entity is found by; secrets are left out, wherever they stand."""
    parts = [
        entity.name,
        entity.title,
        _text(entity.metadata.get("title")),
        entity.description,
        *_tags(entity),
        entity.owner_ref,
        *(f"{key} {'' if is_secret(key) else value}" for key, value in entity.annotations.items()),
    ]
    text = Masker.of(entity).text("\n".join(dict.fromkeys(parts)))
    return SearchText(
        entity=entity,
        name=entity.name.lower(),
        title=entity.title.lower()[:_MAX_TITLE],
        text=text.lower(),
    )
