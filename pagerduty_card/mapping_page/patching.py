"""Mappings as a YAML patch: documents with annotations alone, for a team to merge into its file.

Each document holds what the entity maps to already and what the patch adds, so that it can be
pasted as it is. What one descriptor cannot say is a comment.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from catalog.descriptor.writing import dump
from catalog.models import Entity
from pagerduty_card.mapping.resolving import ACCOUNT, SERVICE_ID, account_named_by
from pagerduty_card.mapping_page.choosing import Pick
from pagerduty_card.mapping_page.planning import present_of

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]")
_HEAD = (
    "# What to put into each entity's descriptor. Merge metadata.annotations into the document of\n"
    "# the same kind and name; everything else of it stays as it is.\n"
)


def write_patch(picks: Sequence[Pick]) -> Iterator[str]:
    """The patch, a document at a time; eight queries however many.

    Args:
        picks: What the entities are to map to beside what they do; of those that are gone, a
            comment says so.
    """
    yield _HEAD
    present = present_of(pick.entity_ref for pick in picks)
    by_entity: dict[str, list[Pick]] = {}
    for pick in picks:
        by_entity.setdefault(pick.entity_ref, []).append(pick)
    for ref, wanted in by_entity.items():
        own = present.get(ref)
        if own is None:
            yield _comment(f"{ref} is no longer in the catalog.")
            continue
        account = own.account if own.ids else wanted[0].account
        ids = [*own.ids, *(one.service_pd_id for one in wanted if one.account == account)]
        yield "---\n" + _comment(own.entity.source_place or "made in the admin, in no file yet")
        for one in wanted:
            if one.account != account:
                yield _comment(
                    f"Not in it: {one.service_pd_id} of account {one.account}; annotations name "
                    f"services of one account only, here {account}."
                )
        yield _document(own.entity, dict.fromkeys(ids), account)


def _document(entity: Entity, ids: Iterable[str], account: str) -> str:
    annotations = {SERVICE_ID: ",".join(ids)}
    written = entity.as_written["metadata"].get("annotations") or {}
    if account != account_named_by(written):
        annotations[ACCOUNT] = account
    return dump(
        {
            "apiVersion": entity.descriptor["apiVersion"],
            "kind": entity.kind,
            "metadata": {
                "name": entity.name,
                "namespace": entity.namespace,
                "annotations": annotations,
            },
        }
    )


def _comment(text: str) -> str:
    """One line, whatever the text holds."""
    return f"# {_CONTROL.sub(' ', text)}\n"
