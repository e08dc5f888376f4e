"""Pages of catalogs of several sizes, drawn in turns in one process: queries and time.

``python -m tests.bench.rendering ROUNDS SIZE=URL...`` prints one JSON object a page and size:
``{"page", "size", "status", "cold": COST, "warm": COST}`` with ``COST`` as ``[queries, seconds,
seconds of processor]``. Cold is the first view after a write to the catalog with nothing in the
cache, warm the view after it; seconds are the least of all rounds. A PostgreSQL server on this
machine has its processor time counted, but for the processes that help it with one query.
"""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import django

django.setup()

from django.contrib.auth import get_user_model  # noqa: E402
from django.core.cache import cache  # noqa: E402
from django.db import connections  # noqa: E402
from django.test import Client  # noqa: E402
from environ import Env  # noqa: E402

from catalog import versions  # noqa: E402
from catalog.models import CatalogState, Entity, Relation, Star  # noqa: E402
from pagerduty_card.mapping.remapping import remap_all  # noqa: E402
from pagerduty_card.models import Service  # noqa: E402
from tests.bench.generate_catalog import last_of, number_of, ref_of  # noqa: E402

Cost = tuple[int, float, float]

COMPONENTS = 4  # drawn one after the other and counted as one
STARS = 20
_SERVICES = "pagerduty.com/service-id"


@dataclass
class Shown:
    """One page of one catalog, and what its views cost so far."""

    page: str
    paths: list[str]
    is_fragment: bool = False
    status: int = 0
    cold: list[Cost] = field(default_factory=list)
    warm: list[Cost] = field(default_factory=list)

    def costs(self) -> dict[str, Cost]:
        # A card is drawn anew each second, which is no matter of the catalog's size: the least
        # queries of the warm views are those that found it drawn.
        return {
            name: (queries(n for n, _, _ in views), *(min(v[i] for v in views) for i in (1, 2)))
            for name, views, queries in (("cold", self.cold, max), ("warm", self.warm, min))
        }


class Place:
    """A catalog of one size: its connection, its signed-in person, its pages."""

    def __init__(self, size: int, url: str) -> None:
        self.size = size
        self.connection: Any = connections.create_connection("default")
        self.connection.settings_dict = {**self.connection.settings_dict, **Env.db_url_config(url)}
        self.connection.settings_dict["CONN_MAX_AGE"] = None
        self.client = Client(SERVER_NAME="localhost")
        self.enter()
        self._prepare()
        self.pages = [
            Shown(name, paths, is_fragment=name == "quick search") for name, paths in self._pages()
        ]

    def enter(self) -> None:
        """Make it the catalog that everything reads."""
        connections["default"] = self.connection
        # What is kept under a number of one catalog must not be taken for another's.
        cache.key_prefix = str(self.size)

    def view(self, page: Shown) -> tuple[int, Cost]:
        """Get a page; the worst status, and what it cost, on average of its addresses."""
        queries = 0

        def counted(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            nonlocal queries
            queries += 1
            return execute(sql, params, many, context)

        headers = {"HX-Request": "true"} if page.is_fragment else {}
        begun, begun_processor = time.perf_counter(), self._processor_s()
        with self.connection.execute_wrapper(counted):
            status = max(self.client.get(one, headers=headers).status_code for one in page.paths)
        took, processor = time.perf_counter() - begun, self._processor_s() - begun_processor
        count = len(page.paths)
        return status, (round(queries / count), took / count, processor / count)

    def _processor_s(self) -> float:
        """Processor time so far, of this process and of the database's that works for it."""
        spent = time.process_time()
        if self.connection.vendor == "postgresql":
            server = Path(f"/proc/{self.connection.connection.info.backend_pid}")
            with suppress(OSError, ValueError):
                if (server / "comm").read_text().startswith("postgres"):
                    spent += int((server / "schedstat").read_text().split()[0]) / 1e9
        return spent

    def _prepare(self) -> None:
        """A person who owns things and has stars, a mirror of services, a number of its own."""
        versions.bump()
        CatalogState.objects.update(version=self.size * 1_000_000)
        person = _person()
        user, _ = get_user_model().objects.get_or_create(username=person.name)
        starred = Entity.objects.filter(kind="Component").order_by("pk")[:STARS]
        Star.objects.bulk_create(
            [Star(user=user, entity_id=entity.ref) for entity in starred], ignore_conflicts=True
        )
        mapped = Entity.objects.filter(annotation_rows__key=_SERVICES)
        Service.objects.bulk_create(
            (
                Service(account="default", pd_id=pd_id, name=pd_id, status="active")
                for pd_id in mapped.values_list("annotation_rows__value", flat=True).distinct()
                if pd_id.startswith("P")
            ),
            batch_size=500,
            ignore_conflicts=True,
        )
        remap_all()
        self.client.force_login(user)

    def _pages(self) -> Iterator[tuple[str, list[str]]]:
        yield "index", ["/catalog/"]
        yield "index of one kind", ["/catalog/?kind=component"]
        yield "index, text search", ["/catalog/?q=payments"]
        yield "index, text search with a typo", ["/catalog/?q=paymetns"]
        yield "index of a tag and a lifecycle", ["/catalog/?tag=go&lifecycle=production"]
        yield "index, backwards, page 3", ["/catalog/?sort=-name&page=3"]
        yield "quick search", ["/search/?q=payments"]
        yield "home", ["/"]
        yield "component", [self._path(number_of("Component", n)) for n in range(COMPONENTS)]
        yield "API", [self._path(number_of("API", 0))]
        yield "system", [self._path(number_of("System", 0))]
        yield "group without groups", [self._path(last_of("Group", self.size))]
        yield "user", [self._path(last_of("User", self.size))]
        yield "group of all groups", [self._path(number_of("Group", 0))]
        yield "resource that one in a hundred needs", [self._path(number_of("Resource", 0))]
        yield "its dependencies", [f"{self._path(number_of('Resource', 0))}dependencies/"]
        yield "ownership of a group", [f"{self._path(last_of('Group', self.size))}ownership/"]
        yield "ownership of all groups", [f"{self._path(number_of('Group', 0))}ownership/"]

    def _path(self, number: int) -> str:
        return Entity.objects.get(ref=ref_of(number)).get_absolute_url()


def _person() -> Entity:
    """The last person all of whose groups are without groups below them, as most people's are."""
    groups = Relation.objects.filter(type="childOf").values_list("target_ref", flat=True)
    above = set(groups.distinct())
    people = Entity.objects.filter(kind="User").order_by("-pk").prefetch_related("declared")
    return next(
        person
        for person in people.iterator(chunk_size=100)
        if not above.intersection(edge.target_ref for edge in person.declared.all())
    )


def draw(places: list[Place], rounds: int) -> None:
    """View every page of every catalog, sizes in turns, so that a slow minute is slow for all."""
    for _ in range(rounds):
        for shown in zip(*(place.pages for place in places), strict=True):
            for place, page in zip(places, shown, strict=True):
                if page.status > 200:
                    continue
                place.enter()
                versions.bump()
                cache.clear()
                page.status, cold = place.view(page)
                _status, warm = place.view(page)
                page.cold.append(cold)
                page.warm.append(warm)


def main(rounds: str, *given: str) -> None:
    """Print what each page cost."""
    places = [Place(int(size), url) for size, _, url in (one.partition("=") for one in given)]
    draw(places, int(rounds))
    for place in places:
        for page in place.pages:
            line = {"page": page.page, "size": place.size, "status": page.status}
            sys.stdout.write(json.dumps(line | page.costs()) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
