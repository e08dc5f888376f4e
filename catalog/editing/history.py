"""What became of an entity: the differences of two descriptors, and the rows that keep them."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from django.core.paginator import Page, Paginator
from django.db.models import Count

from catalog.masking import Masker
from catalog.models import Entity, ImportRun, Revision
from catalog.secrets import is_secret, mask
from portal.batches import in_batches

if TYPE_CHECKING:
    from django.contrib.auth.models import User

MAX_CHANGES = 100
MAX_TEXT = 500
KEPT_PER_ENTITY = 200
PAGE_SIZE = 25
_ANNOTATIONS = ("metadata", "annotations")
_LINKS = ("metadata", "links")

Path = tuple[str | int, ...]
Leaf = tuple[Path, Any, Any]


class _Missing:
    """What stands for a value that is not there; None is a value of YAML."""


_MISSING = _Missing()


def differences(
    old: dict[str, Any], new: dict[str, Any], *, hidden: Sequence[dict[str, Any]] = ()
) -> list[dict[str, str | None]]:
    """What changed between two descriptors, field by field, in the order of the old one.

    An item that came into a list of texts, or went, stands under the list's path; links are told
    apart by their URL.

    Args:
        old: The descriptor before.
        new: The descriptor after.
        hidden: Further descriptors whose secrets are masked: what overlays replace, for example.

    Returns:
        At most a hundred of ``{"path", "old", "new"}``; ``old`` or ``new`` is None for what was
        not there. Secrets of either descriptor are masked, texts cut at 500 characters.
    """
    masker = Masker.of_annotations(*map(_annotations, (old, new, *hidden)))
    return [
        {
            "path": masker.text(dotted(path)),
            "old": _shown(path, before, masker),
            "new": _shown(path, after, masker),
        }
        for path, before, after in islice(_differ((), old, new), MAX_CHANGES)
    ]


def revision(
    ref: str,
    action: Revision.Action,
    *,
    at: datetime,
    run: ImportRun | None = None,
    user: "User | None" = None,
    old: dict[str, Any] | None = None,
    new: dict[str, Any] | None = None,
    hidden: Sequence[dict[str, Any]] = (),
) -> Revision:
    """A row of an entity's history, not saved.

    Args:
        ref: Canonical reference of the entity.
        action: What happened.
        at: When (aware UTC).
        run: The run that did it, if one did.
        user: The person who did it, if one did.
        old: The descriptor before; the row says what changed if both are given.
        new: The descriptor after.
        hidden: Further descriptors whose secrets are masked.
    """
    changes = differences(old, new, hidden=hidden) if old is not None and new is not None else []
    return Revision(entity_id=ref, action=action, at=at, run=run, user=user, changes=changes)


def record(row: Revision) -> None:
    """Save one row, and let go of the entity's oldest ones."""
    row.save()
    trim([row.entity_id])


def trim(refs: Iterable[str]) -> None:
    """Keep the newest two hundred rows of each entity; one query per 500 where none has more."""
    for batch in in_batches(refs):
        rows = Revision.objects.filter(entity_id__in=batch)
        for ref in (
            rows.order_by()
            .values_list("entity_id", flat=True)
            .annotate(total=Count("pk"))
            .filter(total__gt=KEPT_PER_ENTITY)
        ):
            oldest = rows.filter(entity_id=ref).values_list("pk", flat=True)[KEPT_PER_ENTITY:]
            Revision.objects.filter(pk__in=list(oldest)).delete()


def page_of(entity: Entity, number: str) -> "tuple[Page[int | None], list[Revision | None]]":
    """A page of the entity's history, newest first; None stands for its making.

    Three queries. An earlier life of the reference comes after the making.

    Args:
        entity: Whose history.
        number: The page as typed; the nearest one there is, is given.

    Returns:
        The page, and its rows.
    """
    rows = Revision.objects.filter(entity_id=entity.ref)
    found: list[tuple[int | None, datetime, str]] = list(rows.values_list("pk", "at", "action"))
    life = [action for _pk, at, action in found if at >= entity.created_at]
    keys = [pk for pk, _at, _action in found]
    if Revision.Action.CREATED not in life:
        keys.insert(len(life), None)
    page = Paginator(keys, PAGE_SIZE).get_page(number)
    whole = rows.select_related("user").in_bulk([pk for pk in page.object_list if pk])
    return page, [whole.get(pk) if pk else None for pk in page.object_list]


def of_gone(ref: str) -> tuple[list[Revision], int]:
    """The newest rows of a reference that nothing has now, and how many there are.

    One query where there are none, else two.
    """
    rows = Revision.objects.filter(entity_id=ref)
    newest = list(rows.select_related("user")[:PAGE_SIZE])
    return newest, rows.count() if newest else 0


def dotted(path: Path) -> str:
    """The path as people write it: ``metadata.annotations["a.b/c"]``, ``spec.steps[0].name``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif not part or any(sign in part for sign in './[]:" '):
            text += f'["{part}"]'
        else:
            text += f".{part}" if text else part
    return text


def _annotations(descriptor: dict[str, Any]) -> dict[str, Any]:
    metadata = descriptor.get("metadata")
    found = metadata.get("annotations") if isinstance(metadata, dict) else None
    return found if isinstance(found, dict) else {}


def _differ(path: Path, old: Any, new: Any) -> Iterator[Leaf]:
    maps, lists = _as(dict, old, new), _as(list, old, new)
    if maps is not None and any(maps):
        before, after = maps
        for key in dict.fromkeys((*before, *after)):
            yield from _differ((*path, key), before.get(key, _MISSING), after.get(key, _MISSING))
    elif lists is not None and any(lists):
        yield from _differ_items(path, *lists)
    elif type(old) is not type(new) or old != new:  # 1, 1.0 and true are equal to Python
        yield path, old, new


_Collection = TypeVar("_Collection", dict[str, Any], list[Any])


def _as(kind: type[_Collection], old: Any, new: Any) -> tuple[_Collection, _Collection] | None:
    """Both as this kind of collection, an empty one for what is not there; None if one is else."""
    if old is _MISSING and new is _MISSING:
        return None
    if not all(value is _MISSING or isinstance(value, kind) for value in (old, new)):
        return None
    return (kind() if old is _MISSING else old, kind() if new is _MISSING else new)


def _differ_items(path: Path, old: list[Any], new: list[Any]) -> Iterator[Leaf]:
    if path == _LINKS and (by_url := _by_url(old, new)):
        yield from _differ(path, *by_url)
    elif not all(isinstance(item, str) for item in (*old, *new)):
        for number in range(max(len(old), len(new))):
            yield from _differ(
                (*path, number),
                old[number] if number < len(old) else _MISSING,
                new[number] if number < len(new) else _MISSING,
            )
    else:
        gone, come = _without(old, new), _without(new, old)
        yield from ((path, item, _MISSING) for item in gone)
        yield from ((path, _MISSING, item) for item in come)
        if not gone and not come and old != new:
            yield path, old, new  # another order


def _without(items: list[str], others: list[str]) -> list[str]:
    left = Counter(others)
    found = []
    for item in items:
        if left[item]:
            left[item] -= 1
        else:
            found.append(item)
    return found


def _by_url(*lists: list[Any]) -> list[dict[str, Any]]:
    """Links by their URL; nothing where that would lose one."""
    found = []
    for links in lists:
        urls: dict[str, Any] = {
            link["url"]: link
            for link in links
            if isinstance(link, dict) and isinstance(link.get("url"), str)
        }
        if len(urls) != len(links):
            return []
        found.append(urls)
    return found


def _shown(path: Path, value: Any, masker: Masker) -> str | None:
    if value is _MISSING:
        return None
    if path[:2] == _ANNOTATIONS and len(path) > 2 and is_secret(str(path[2])):
        return mask(value) if isinstance(value, str) and value else ""
    shown = masker.tree(value)
    text = shown if isinstance(shown, str) else json.dumps(shown, ensure_ascii=False)
    if len(text) <= MAX_TEXT:
        return str(text)
    return f"{text[:MAX_TEXT]}… ({len(text):,} characters)"
