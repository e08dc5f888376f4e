"""Builders of the catalog's rows and of people: plain functions, every field by keyword."""

import itertools
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.utils import timezone

from catalog.columns import digest_of, entity_columns, write_details
from catalog.models import Entity, ImportIssue
from catalog.refs import EntityRef
from catalog.versions import bump
from portal.models import Worker

_numbers = itertools.count(1)


def make_user(username: str = "", *, permissions: tuple[str, ...] = (), **fields: Any):
    """A user who may sign in; ``permissions`` are ``app_label.codename``; password ``secret``."""
    user = get_user_model()(username=username or f"user-{next(_numbers)}", **fields)
    user.set_password("secret")
    user.save()
    for permission in permissions:
        app_label, _, codename = permission.partition(".")
        user.user_permissions.add(
            Permission.objects.get(content_type__app_label=app_label, codename=codename)
        )
    return user


def make_worker(*, seen_s: float = 5, **fields: Any) -> Worker:
    """A worker that was last seen ``seen_s`` seconds ago."""
    now = timezone.now()
    columns = {"host": "host-1", "pid": 42, "is_periodic": True, "version": "1.2", **fields}
    seen_at = now - timedelta(seconds=seen_s)
    return Worker.objects.create(**columns, started_at=seen_at, seen_at=seen_at)


def descriptor_of(
    kind: str = "Component",
    name: str = "thing",
    *,
    namespace: str = "default",
    metadata: dict[str, Any] | None = None,
    spec: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """A descriptor as the importer keeps it."""
    return {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace, **(metadata or {})},
        "spec": dict(spec or {}),
    }


def make_entity(
    name: str = "",
    *,
    kind: str = "Component",
    namespace: str = "default",
    title: str = "",
    description: str = "",
    type: str = "service",  # noqa: A002 -- the format's own word
    lifecycle: str = "production",
    owner: str = "",
    system: str = "",
    tags: tuple[str, ...] = (),
    annotations: dict[str, str] | None = None,
    labels: dict[str, str] | None = None,
    links: list[dict[str, str]] | None = None,
    spec: dict[str, Any] | None = None,
    relations: tuple[tuple[str, str], ...] = (),
    **fields: Any,
) -> Entity:
    """An entity with its tag, annotation, relation and search rows.

    Args:
        owner: Reference as in ``spec.owner``; makes the ``ownedBy`` relation too.
        system: Reference as in ``spec.system``; makes the ``partOf`` relation too.
        relations: Further declared edges as (type, reference with kind).
        fields: Columns of the row, for example ``source`` or ``run``.
    """
    name = name or f"{kind.lower()}-{next(_numbers)}"
    metadata: dict[str, Any] = {
        key: value
        for key, value in {
            "title": title,
            "description": description,
            "tags": list(tags),
            "annotations": annotations,
            "labels": labels,
            "links": links,
        }.items()
        if value
    }
    written: dict[str, Any] = {
        key: value
        for key, value in {
            "type": type,
            "lifecycle": lifecycle,
            "owner": owner,
            "system": system,
        }.items()
        if value
    } | (spec or {})
    descriptor = descriptor_of(kind, name, namespace=namespace, metadata=metadata, spec=written)
    entity = Entity(
        ref=str(EntityRef.of(kind, namespace, name)),
        digest=digest_of(descriptor),
        changed_at=timezone.now(),
        **(entity_columns(descriptor) | fields),
    )
    entity.save()
    edges = [("ownedBy", entity.owner_ref), ("partOf", entity.system_ref), *relations]
    pairs = [(type_, str(EntityRef.parse(target))) for type_, target in edges if target]
    write_details([(entity, pairs)], replaced=[])
    bump()
    return entity


def make_issue(
    ref: str, *messages: str, kind: str = ImportIssue.Kind.REFUSED, **fields: Any
) -> ImportIssue:
    """An issue that stands, one message on each line from 1."""
    return ImportIssue.objects.create(
        ref=ref,
        kind=kind,
        messages=[
            {"line": line, "column": 1, "path": "", "message": message, "hint": ""}
            for line, message in enumerate(messages, start=1)
        ],
        **{
            "file": "catalog-info.yaml",
            "document": 0,
            "line": 1,
            "first_seen_at": timezone.now(),
            "last_seen_at": timezone.now(),
            **fields,
        },
    )
