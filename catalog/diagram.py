"""The diagram of an entity's neighbourhood: what leads here, the entity, where it leads. Pure.

Three columns; a neighbour is a box under the name of its relation, and an arrow goes from left to
right. At most fifty neighbours are drawn, shared fairly between the relations; each relation says
how many more there are.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from catalog.graph import Edges, Neighbourhood, Node
from catalog.links import entity_url, kind_icon
from catalog.masking import DEFAULT_MASKER
from catalog.models import Entity, Relation

MAX_NODES = 50
_BOX_WIDTH = 196
_BOX_HEIGHT = 26
_BEND_WIDTH = 58
_ROW = 30
_CAPTION = 24
_GROUP_GAP = 10
_MARGIN = 8
_MAX_LETTERS = 22
_MAX_BOLD_LETTERS = 18
_STEP = _BOX_WIDTH + _BEND_WIDTH

T = Relation.Type
# What a page of dependencies is read for comes first; who owns it stands in the header already.
ORDER = (
    T.DEPENDS_ON,
    T.DEPENDENCY_OF,
    T.PROVIDES_API,
    T.API_PROVIDED_BY,
    T.CONSUMES_API,
    T.API_CONSUMED_BY,
    T.HAS_PART,
    T.PART_OF,
    T.HAS_MEMBER,
    T.MEMBER_OF,
    T.PARENT_OF,
    T.CHILD_OF,
    T.OWNER_OF,
    T.OWNED_BY,
)
# Seen from the entity, these point at it; all others lead away from it.
_LEADS_HERE = {
    T.DEPENDENCY_OF,
    T.API_PROVIDED_BY,
    T.API_CONSUMED_BY,
    T.HAS_PART,
    T.HAS_MEMBER,
    T.PARENT_OF,
    T.OWNER_OF,
}
_OWNERSHIP = {T.OWNER_OF, T.OWNED_BY}


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagramBox:
    """A neighbour, or the entity itself.

    Attributes:
        x: Left edge; all measures are in the diagram's own pixels.
        y: Upper edge.
        text: The name, cut to fit.
        title: The whole name and the reference.
        url: Empty for the entity itself and for one that the catalog does not have.
        icon: Name of the kind's symbol.
        kind: The kind in lower case.
        is_missing: Whether the catalog does not have it.
    """

    x: int
    y: int
    text: str
    title: str
    url: str
    icon: str
    kind: str
    is_missing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    """A line of text: the name of a relation, or how many more there are.

    Attributes:
        y: The text's base line.
        url: Where the rest is; empty for a name.
    """

    x: int
    y: int
    text: str
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrow:
    """A curve between the entity and a neighbour, from left to right.

    Attributes:
        path: As in the ``d`` of an SVG path.
        is_faint: It tells of ownership, which the page says elsewhere.
        is_missing: It leads to something the catalog does not have.
    """

    path: str
    is_faint: bool
    is_missing: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagram:
    """Everything the SVG prints.

    Attributes:
        summary: What it shows in words, for those who do not see it.
        shown: How many neighbours are drawn.
        total: How many there are.
    """

    width: int
    height: int
    centre: DiagramBox
    boxes: Sequence[DiagramBox]
    arrows: Sequence[Arrow]
    captions: Sequence[Caption]
    more: Sequence[Caption]
    summary: str
    shown: int
    total: int

    @property
    def box_width(self) -> int:
        """Width of every box."""
        return _BOX_WIDTH

    @property
    def box_height(self) -> int:
        """Height of every box."""
        return _BOX_HEIGHT


def ordered(edges: Sequence[Edges]) -> list[Edges]:
    """The groups of neighbours, those a reader looks for first."""
    return sorted(edges, key=lambda one: ORDER.index(one.type))


def draw_diagram(
    entity: Entity,
    title: str,
    around: Neighbourhood,
    *,
    headings: Mapping[Relation.Type, str],
    url_of: Callable[[Relation.Type], str],
    limit: int = MAX_NODES,
    limit_each: int = MAX_NODES,
) -> Diagram | None:
    """Lay out an entity's neighbourhood; None when it has no neighbours.

    Args:
        entity: The one in the middle.
        title: What it is called.
        around: Its neighbours.
        headings: What each relation is called.
        url_of: The page with all neighbours of one type.
        limit: How many neighbours are drawn at most.
        limit_each: How many of one type of relation.
    """
    groups = ordered(around.edges)
    if not groups:
        return None
    shares = _shares([min(len(group.nodes), limit_each) for group in groups], limit)
    drawn = [(group, group.nodes[:share]) for group, share in zip(groups, shares, strict=True)]
    left = _height([one for one in drawn if one[0].type in _LEADS_HERE])
    right = _height([one for one in drawn if one[0].type not in _LEADS_HERE])
    height = max(left, right, _BOX_HEIGHT) + 2 * _MARGIN
    # A side with nothing on it takes no room.
    columns = {"left": _MARGIN, "centre": _MARGIN + (_STEP if left else 0)}
    columns["right"] = columns["centre"] + _STEP
    middle = height // 2
    centre = DiagramBox(
        x=columns["centre"],
        y=middle - _BOX_HEIGHT // 2,
        text=_cut(title, _MAX_BOLD_LETTERS),
        title=f"{title} ({entity.ref})",
        url="",
        icon=kind_icon(entity.kind),
        kind=entity.kind.lower(),
    )
    tops = {"left": (height - left) // 2, "right": (height - right) // 2}
    boxes, arrows, captions, more = [], [], [], []
    for group, nodes in drawn:
        side = "left" if group.type in _LEADS_HERE else "right"
        x, y = columns[side], tops[side]
        captions.append(Caption(x=x, y=y + 16, text=headings[group.type]))
        y += _CAPTION
        for node in nodes:
            boxes.append(_box(node, x, y))
            arrows.append(
                Arrow(
                    path=_curve(columns, side, y + _BOX_HEIGHT // 2, middle),
                    is_faint=group.type in _OWNERSHIP,
                    is_missing=not node.exists,
                )
            )
            y += _ROW
        if group.total > len(nodes):
            number = f"{group.total - len(nodes):,}"
            text = f"and {number} more" if nodes else f"{number} of them"
            more.append(Caption(x=x, y=y + 14, text=text, url=url_of(group.type)))
            y += _CAPTION
        tops[side] = y + _GROUP_GAP
    return Diagram(
        width=columns["right" if right else "centre"] + _BOX_WIDTH + _MARGIN,
        height=height,
        centre=centre,
        boxes=boxes,
        arrows=arrows,
        captions=captions,
        more=more,
        summary=_summary(drawn, headings),
        shown=len(boxes),
        total=around.total,
    )


def _shares(sizes: Sequence[int], limit: int) -> list[int]:
    """How many of each group are drawn: small groups whole, the rest shared evenly."""
    shares = [0] * len(sizes)
    left = limit
    while left > 0 and (open_ := [n for n, size in enumerate(sizes) if shares[n] < size]):
        for number in open_[:left]:
            shares[number] += 1
        left -= len(open_[:left])
    return shares


def _height(drawn: Sequence[tuple[Edges, Sequence[Node]]]) -> int:
    heights = [
        _CAPTION + _ROW * len(nodes) + (_CAPTION if group.total > len(nodes) else 0)
        for group, nodes in drawn
    ]
    return sum(heights) + _GROUP_GAP * max(len(heights) - 1, 0)


def _box(node: Node, x: int, y: int) -> DiagramBox:
    name = DEFAULT_MASKER.text(node.title or node.name)
    remark = ""
    if not node.exists:
        remark = ", not in the catalog"
    elif node.is_orphan:
        remark = ", orphaned"
    return DiagramBox(
        x=x,
        y=y,
        text=_cut(f"{name} (orphan)" if node.is_orphan else name),
        title=f"{name} ({DEFAULT_MASKER.ref(str(node.ref))}){remark}",
        url=entity_url(node.ref) if node.exists else "",
        icon=kind_icon(node.ref.kind),
        kind=node.ref.kind,
        is_missing=not node.exists,
    )


def _cut(text: str, letters: int = _MAX_LETTERS) -> str:
    return text if len(text) <= letters else f"{text[: letters - 1]}…"


def _curve(columns: Mapping[str, int], side: str, y: int, middle: int) -> str:
    if side == "left":
        start, end = (columns["left"] + _BOX_WIDTH, y), (columns["centre"] - 3, middle)
    else:
        start, end = (columns["centre"] + _BOX_WIDTH, middle), (columns["right"] - 3, y)
    bend = (start[0] + end[0]) // 2
    return f"M{start[0]} {start[1]}C{bend} {start[1]} {bend} {end[1]} {end[0]} {end[1]}"


def _summary(
    drawn: Sequence[tuple[Edges, Sequence[Node]]], headings: Mapping[Relation.Type, str]
) -> str:
    # For example: "Depends on: 3. Owned by: 1."
    return " ".join(f"{headings[group.type]}: {group.total:,}." for group, _ in drawn)
