"""The scope of an entity: all that belongs to a system, domain, group or person, however deep."""

from catalog import cards, groups, versions
from catalog.graph import neighbours
from catalog.kinds import Kind
from catalog.models import Entity, Relation
from catalog.ownership import Ownership
from catalog.refs import EntityRef, InvalidRefError
from catalog.search.filters import IndexFilters
from portal.batches import in_batches

MAX_LEVELS = 20
_PEOPLE = {"group", "user"}


def keys_within(text: str, *, version: int) -> tuple[int, ...]:
    """Primary keys of what belongs to an entity; nothing belongs to one that is not there.

    A group's is what it and the groups below it own, a person's what is owned in person or by the
    person's groups; anything else has parts, and these have parts. Kept as long as the catalog is
    not written; else a query a level, and one or two.

    Args:
        text: The entity's reference; without a kind it means a system.
        version: The catalog's, read before anything else.
    """
    try:
        ref = EntityRef.parse(text, default_kind=Kind.SYSTEM)
    except InvalidRefError:
        return ()
    return versions.cached("within", str(ref), version, lambda: _read(ref))


def scope_of(entity: Entity) -> cards.Scope:
    """What belongs to an entity, for the cards to sum up."""
    return cards.Scope(
        query=IndexFilters(values={"within": (entity.ref,)}).query_string,
        load_keys=lambda: keys_within(entity.ref, version=versions.current()),
    )


def scope_of_reader(ownership: Ownership, *, version: int) -> cards.Scope:
    """What a reader and the reader's groups own, for the cards to sum up."""

    def read() -> tuple[int, ...]:
        return tuple(ownership.entities.order_by().values_list("pk", flat=True))

    return cards.Scope(
        query=IndexFilters(values={"user": ("owned",)}).query_string,
        load_keys=lambda: versions.cached("owned", sorted(ownership.owner_refs), version, read),
    )


def _read(ref: EntityRef) -> tuple[int, ...]:
    if ref.kind not in _PEOPLE:
        return tuple(_parts(str(ref)))
    owners = [str(ref)]
    if ref.kind == "user":
        person = Entity.objects.by_ref(ref).first()
        groups_of = neighbours(person, Relation.Type.MEMBER_OF) if person else Entity.objects.none()
        owners += groups_of.values_list("ref", flat=True)
    owned = groups.owned_by(groups.below(owners)).order_by()
    return tuple(owned.values_list("pk", flat=True))


def _parts(whole: str) -> list[int]:
    """The parts of a whole and theirs, at most twenty levels; loops are no trap."""
    level, found = [whole], {whole: 0}
    for _ in range(MAX_LEVELS):
        parts: dict[str, int] = {}
        for some in in_batches(level):
            declared = Relation.objects.filter(target_ref__in=some, type=Relation.Type.PART_OF)
            parts |= dict(declared.order_by().values_list("source__ref", "source_id"))
        level = [ref for ref in parts if ref not in found]
        found |= {ref: parts[ref] for ref in level}
        if not level:
            break
    return [pk for ref, pk in found.items() if ref != whole]
