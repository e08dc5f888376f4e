"""The part of an entity's page that all of its readers share, kept under the catalog's version.

Whatever is one reader's own, is not the catalog's, or changes without its version has a hole in it,
and is put there for each view. What may be seen with rights is drawn once with and once without.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import SafeString

from catalog import groups, versions
from catalog.graph import Parts, neighbourhood, nodes_of
from catalog.models import Entity, Relation
from catalog.presenters import entity as presenters
from catalog.presenters import relations as relation_presenters
from catalog.presenters.inspect import reading_of
from catalog.search.suggestions import suggested_refs
from portal.templatetags.ui import renew_ages

DRAWN_OF_EACH = 8
# What a context has of them is in the key.
_RIGHTS = ("can_edit", "refresh_url", "can_see_runs", "location_url")
# No text of a descriptor matches: templates escape "<", and Markdown's own comments are left out.
_HOLE = re.compile(r"<!--\[([a-z]+)\]-->")
_NAMES = ("star", "cards", "parts", "notices", "pending")
_HOLES = {name: SafeString(f"<!--[{name}]-->") for name in _NAMES}
_ACTIONS, _TOKEN = SafeString("<!--[actions]-->"), SafeString("<!--[token]-->")


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedPart:
    """The shared part of a page, with holes and with ages of when it was drawn."""

    title: str
    header_html: str
    content_html: str

    def filled(self, holes: Mapping[str, str]) -> dict[str, str]:
        """The part for one reader, with the ages of now, for ``catalog/entity.html``.

        Args:
            holes: HTML by the name of the hole: ``star``, ``actions``, ``notices``, ``cards``,
                ``parts``, ``pending`` and ``token``, the reader's CSRF token.
        """

        def fill(html: str) -> SafeString:
            return SafeString(_HOLE.sub(lambda hole: holes[hole[1]], renew_ages(html)))

        return {
            "title": self.title,
            "header_html": fill(self.header_html),
            "content_html": fill(self.content_html),
        }


def shared_part(
    found: Entity,
    parts: Sequence[Parts],
    rights: Mapping[str, Any],
    *,
    has_cards: bool,
    has_issues: bool,
) -> SharedPart:
    """The shared part of an entity's page; no query where it is kept.

    Args:
        found: As the address named it, with the version of the catalog it was read at.
        parts: What belongs to it, where it is a whole.
        rights: What ``entity_context`` says of the reader.
        has_cards: Whether the hole ``cards`` is filled.
        has_issues: Whether the hole ``notices`` is.
    """
    seen = {name: rights[name] for name in _RIGHTS}
    seen |= {"has_cards": has_cards, "has_issues": has_issues}
    # An import that changes nothing renews these and no version.
    stored = (found.pk, found.run_id, found.changed_at, found.orphaned_at, found.location_id)
    key = (
        found.ref,
        stored,
        reading_of(found),
        seen,
        str(timezone.get_current_timezone()),
    )
    version = getattr(found, "catalog_version", None) or 0
    return versions.cached("entity", key, version, lambda: _draw(found, parts, seen))


def _draw(found: Entity, parts: Sequence[Parts], seen: Mapping[str, Any]) -> SharedPart:
    around = neighbourhood(found)
    names = dict(around.names)
    names |= nodes_of({found.owner_ref, found.system_ref} - names.keys() - {""})
    header = presenters.header(found, names, "entity")
    missing = around.unresolved
    shown = missing[: relation_presenters.UNRESOLVED_LIMIT]
    suggestions = suggested_refs([node.ref for node in shown])
    without = []
    context: dict[str, Any] = {
        **seen,
        "hole": _HOLES,
        "csrf_token": _TOKEN,
        "actions": [_ACTIONS],
        "entity": found,
        "header": header,
        "about": presenters.about(found),
        "unresolved": relation_presenters.unresolved_references(found, shown, suggestions),
        "unresolved_more": len(missing) - len(shown),
    }
    if parts:
        without.append(Relation.Type.HAS_PART)
    if found.kind_choice in relation_presenters.PEOPLE:
        without.append(Relation.Type.OWNER_OF)
        counts = groups.counts_by_kind(groups.owned_by([found.ref]))
        page = presenters.page_url(found, "ownership")
        context["owned"] = presenters.kind_counts(counts, page, of="direct")
    context["relations"] = relation_presenters.relation_lists(found, around, without=without)
    context["diagram"] = relation_presenters.diagram_of(
        found, header.title, around, limit_each=DRAWN_OF_EACH
    )
    return SharedPart(
        title=header.title,
        header_html=render_to_string("catalog/_header.html", context),
        content_html=render_to_string("catalog/_entity.html", context),
    )
