"""Fill what lists sort by and the search reads for entities that were there before.

Issues of earlier runs go: from here on an issue stands until a reading clears it, and every file
is read anew the first time.
"""

import re
from typing import Any

from django.db import migrations

SECRET_WORDS = ("key", "token", "secret", "password")
PUBLIC = re.compile(r"(?:project|space|board|issue|public)[-_.]?key$|key[-_.]?id$")
NAME = re.compile(r"[a-z]+(?:[-_. ][a-z]+)*")
HIDDEN_IN = ("title", "description", "type", "lifecycle")
BATCH = 500


def _secrets(annotations: dict[str, str]) -> list[str]:
    return [
        key
        for key in annotations
        if any(word in key.lower() for word in SECRET_WORDS) and not PUBLIC.search(key.lower())
    ]


def _is_hunted(value: str) -> bool:
    return len(value) >= 5 and not NAME.fullmatch(value)


def _hide(entity: Any) -> None:
    """Mask copies of the entity's secrets in the columns that lists and the search show."""
    annotations = ((entity.descriptor or {}).get("metadata") or {}).get("annotations") or {}
    for key in _secrets(annotations):
        if _is_hunted(annotations[key]):
            for column in HIDDEN_IN:
                shown = getattr(entity, column).replace(annotations[key], "****")
                setattr(entity, column, shown)


def _text(entity: Any) -> str:
    metadata = (entity.descriptor or {}).get("metadata") or {}
    annotations = metadata.get("annotations") or {}
    secrets = _secrets(annotations)
    parts = [
        entity.name,
        entity.title,
        entity.description,
        *(metadata.get("tags") or ()),
        entity.owner_ref,
        *(f"{key} {'' if key in secrets else value}" for key, value in annotations.items()),
    ]
    text = "\n".join(dict.fromkeys(parts))
    for key in secrets:
        if _is_hunted(annotations[key]):
            text = text.replace(annotations[key], "****")
    return text.lower()


def fill(apps: Any, schema_editor: Any) -> None:
    Entity = apps.get_model("catalog", "Entity")
    SearchText = apps.get_model("catalog", "SearchText")
    apps.get_model("catalog", "ImportIssue").objects.all().delete()
    last = 0
    while batch := list(Entity.objects.filter(pk__gt=last).order_by("pk")[:BATCH]):
        last = batch[-1].pk
        for entity in batch:
            _hide(entity)
            entity.sort_name = (entity.title or entity.name).lower()[:200]
        Entity.objects.bulk_update(batch, ["sort_name", *HIDDEN_IN])
        SearchText.objects.bulk_create(
            SearchText(
                entity=entity,
                name=entity.name.lower(),
                title=entity.title.lower()[:500],
                text=_text(entity),
            )
            for entity in batch
        )


class Migration(migrations.Migration):
    dependencies = [("catalog", "0002_provenance_overlays_search")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
