"""Rows made equal to what is wanted with as few writes as it takes. No PagerDuty, no meaning."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeVar

from django.db import models

from portal.batches import in_batches

BATCH = 200
_Row = TypeVar("_Row", bound=models.Model)
_Key = TypeVar("_Key", bound=Hashable)


def write(
    model: type[_Row],
    existing: Mapping[_Key, _Row],
    wanted: Mapping[_Key, Mapping[str, Any]],
    make: Callable[[_Key], _Row],
) -> None:
    """Create what is new and update what differs."""
    new: list[_Row] = []
    changed: dict[tuple[str, ...], list[_Row]] = defaultdict(list)
    for key, values in wanted.items():
        row = existing.get(key)
        if row is None:
            row = make(key)
            new.append(row)
            differing = list(values)
        else:
            differing = [name for name, value in values.items() if getattr(row, name) != value]
            if differing:
                changed[tuple(differing)].append(row)
        for name in differing:
            setattr(row, name, values[name])
    # A conflict: another process stored the same thing a moment ago. The next turn compares.
    model._default_manager.bulk_create(new, batch_size=BATCH, ignore_conflicts=True)
    for names, rows in changed.items():
        model._default_manager.bulk_update(rows, names, batch_size=BATCH)


def replace(
    model: type[_Row],
    existing: Mapping[_Key, _Row],
    wanted: Mapping[_Key, Mapping[str, Any]],
    make: Callable[[_Key], _Row],
) -> None:
    """Make the rows exactly the wanted ones."""
    gone = [row.pk for key, row in existing.items() if key not in wanted]
    for batch in in_batches(gone):
        model._default_manager.filter(pk__in=batch).delete()
    write(model, existing, wanted, make)
