"""A catalog of any size as YAML text, the same every time: imports and pages are measured with it.

``python -m tests.bench.generate_catalog FOLDER --count N [--per-file 1]``
"""

import argparse
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

PER_FILE = 5_000
_FILES_PER_FOLDER = 200

# What a hundred entities of a company are: half of them components, a group to twenty-five.
_KINDS = tuple(
    kind
    for kind, share in (
        ("Component", 50),
        ("API", 12),
        ("Resource", 12),
        ("System", 4),
        ("Domain", 1),
        ("Group", 4),
        ("User", 16),
        ("Template", 1),
    )
    for _ in range(share)
)
_BLOCK = len(_KINDS)
_SLOTS = {kind: [at for at, one in enumerate(_KINDS) if one == kind] for kind in set(_KINDS)}
_CHILDREN = 8  # of a group, until there are no more groups


def _words(text: str) -> list[str]:
    return text.split()


_SUBJECTS = _words(
    "payments checkout ledger invoice search shipping pricing cart fraud identity session profile "
    "notification email billing tax refund stock warehouse route courier tracking review rating "
    "offer coupon loyalty report audit feature gateway stream event archive media image video "
    "contract consent forecast"
)
_ROLES = _words(
    "api worker store sync adapter indexer importer exporter scheduler cache frontend console "
    "bridge broker monitor resolver planner"
)
_FIRST_NAMES = _words("bela ben chloe dev eva finn gita hugo ines jon kira luis mina noor otto pia")
_LAST_NAMES = _words("adler brook cole duarte ekman frost grant holm ito jensen kaur lund meyer")
_LANGUAGES = ("java", "python", "go", "node", "rust", "kotlin", "dotnet")
_TYPES = ("service", "service", "service", "library", "website", "pipeline")
_LIFECYCLES = ("production", "production", "production", "experimental", "deprecated")


def documents(count: int) -> Iterator[str]:
    """YAML documents, half of them components, with relations among themselves.

    Groups nest eight to a group. One reference in about sixty leads nowhere, one component in
    three has PagerDuty, one description in four is Markdown, one entity in forty has a namespace
    of its own.

    Args:
        count: How many.
    """
    for number in range(count):
        yield _document(number, count)


def write(folder: Path, count: int, *, per_file: int = PER_FILE) -> None:
    """Write the catalog; no more than one file of it is ever in memory.

    Args:
        folder: Where; made if it is missing.
        count: How many documents.
        per_file: How many documents a file holds; small files are spread over folders.
    """
    texts = documents(count)
    number = 0
    while chunk := list(islice(texts, per_file)):
        file = path_of(folder, number, per_file=per_file)
        if not number % _FILES_PER_FOLDER:
            file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("---\n" + "---\n".join(chunk), "utf-8")
        number += 1


def path_of(folder: Path, number: int, *, per_file: int = PER_FILE) -> Path:
    """Where the file with this number lies."""
    if per_file >= PER_FILE:
        return folder / f"catalog-{number:04}.yaml"
    return folder / f"{number // _FILES_PER_FOLDER:04}" / f"catalog-info-{number:06}.yaml"


def ref_of(number: int) -> str:
    """The canonical reference of an entity."""
    return f"{_kind(number).lower()}:{_namespace(number)}/{_name(number)}"


def number_of(kind: str, index: int) -> int:
    """The number of the entity that is the index-th of its kind, from 0."""
    slots = _SLOTS[kind]
    return index // len(slots) * _BLOCK + slots[index % len(slots)]


def last_of(kind: str, count: int) -> int:
    """The number of the last entity of its kind in a catalog of so many; of groups, one without."""
    return number_of(kind, count // _BLOCK * len(_SLOTS[kind]) - 1)


def _kind(number: int) -> str:
    return _KINDS[number % _BLOCK]


def _namespace(number: int) -> str:
    return "default" if _mixed(number, 3) % 40 else "platform"


def _name(number: int) -> str:
    kind = _kind(number)
    if kind == "User":
        return f"{_pick(_FIRST_NAMES, number, 1)}.{_pick(_LAST_NAMES, number, 2)}-{number}"
    if kind == "Group":
        return f"team-{_pick(_SUBJECTS, number, 1)}-{number}"
    return f"{_pick(_SUBJECTS, number, 1)}-{_pick(_ROLES, number, 2)}-{number}"


def _mixed(number: int, salt: int) -> int:
    """A number that looks random and is the same every time."""
    mixed = (number + 1) * 2_654_435_761 + salt * 97_531_357
    return (mixed ^ mixed >> 13) * 1_274_126_177 >> 11 & 0xFFFFFF


def _pick(options: Sequence[str], number: int, salt: int) -> str:
    return options[_mixed(number, salt) % len(options)]


def _near(kind: str, number: int, count: int, salt: int) -> str:
    """The reference of some entity of the kind, found from the number."""
    of_kind = max(1, count // _BLOCK) * len(_SLOTS[kind])
    return ref_of(number_of(kind, _mixed(number, salt) % of_kind))


def _head(number: int) -> str:
    kind, name = _kind(number), _name(number)
    version = "scaffolder.backstage.io/v1beta3" if kind == "Template" else "backstage.io/v1alpha1"
    head = f"apiVersion: {version}\nkind: {kind}\nmetadata:\n  name: {name}\n"
    if _namespace(number) != "default":
        head += f"  namespace: {_namespace(number)}\n"
    if number % 5:
        head += f"  title: {name.replace('-', ' ').replace('.', ' ').title()}\n"
    if number % 4:
        return head + f"  description: Does the work of {name} for everybody who asks.\n"
    return (
        f"{head}  description: |\n"
        f"    Keeps **{_pick(_SUBJECTS, number, 8)}** in step with its neighbours.\n\n"
        f"    * see the [runbook](https://example.com/runbooks/{number})\n"
        f"    * ask in `#{_pick(_SUBJECTS, number, 1)}`\n"
    )


def _annotations(number: int) -> str:
    text = (
        "  annotations:\n"
        f"    github.com/project-slug: example/{_name(number)}\n"
        "    backstage.io/techdocs-ref: dir:.\n"
    )
    if number % 3 == 0:
        text += f"    pagerduty.com/service-id: P{number:06X}\n"
        if number % 5 == 0:
            text += f"    pagerduty.com/integration-key: k{_mixed(number, 11):031x}\n"
    return text


def _document(number: int, count: int) -> str:
    kind = _kind(number)

    def near(of: str, salt: int = 0) -> str:
        return _near(of, number, count, salt)

    owner = near("Group") if _mixed(number, 4) % 33 else f"group:default/team-gone-{number % 50}"
    owned = f"  owner: {owner}\n"
    match kind:
        case "Component":
            return _component(number, count, owned)
        case "API":
            spec = (
                f"  type: openapi\n  lifecycle: {_pick(_LIFECYCLES, number, 5)}\n{owned}"
                f"  system: {near('System')}\n  definition: |\n{_definition(number)}"
            )
        case "Resource":
            types = ("database", "s3-bucket", "queue", "cluster")
            spec = f"  type: {types[number % 4]}\n{owned}  system: {near('System')}\n"
        case "System":
            spec = f"{owned}  domain: {near('Domain')}\n"
        case "Domain":
            spec = owned
        case "Group":
            spec = _group(number)
        case "User":
            second = f", {near('Group', 1)}" if number % 6 == 0 else ""
            spec = (
                f"  profile:\n    displayName: {_name(number).rpartition('-')[0].title()}\n"
                f"    email: {_name(number)}@example.com\n"
                f"  memberOf: [{near('Group')}{second}]\n"
            )
        case _:
            spec = f"  type: service\n{owned}  steps:\n    - id: log\n      action: debug:log\n"
    return f"{_head(number)}spec:\n{spec}"


def _component(number: int, count: int, owned: str) -> str:
    def near(of: str, salt: int = 0) -> str:
        return _near(of, number, count, salt)

    depends_on = [near("Resource"), near("Component", 1)]
    if number % 50 == 7:  # every hundredth entity needs the one cluster
        depends_on.append(ref_of(number_of("Resource", 0)))
    if number % 50 == 11:
        depends_on.append(f"resource:default/{_pick(_SUBJECTS, number, 1)}-gone")
    return (
        f"{_head(number)}{_annotations(number)}"
        f"  labels:\n    example.com/cost-centre: cc-{number % 90}\n"
        f"  tags: [{_pick(_LANGUAGES, number, 6)}, tier-{number % 4}, region-{number % 7}]\n"
        f"  links:\n    - url: https://example.com/dashboards/{number}\n      title: Dashboard\n"
        "spec:\n"
        f"  type: {_pick(_TYPES, number, 7)}\n"
        f"  lifecycle: {_pick(_LIFECYCLES, number, 5)}\n"
        f"{owned}"
        f"  system: {near('System')}\n"
        f"  providesApis: [{near('API')}]\n"
        f"  consumesApis: [{near('API', 1)}, {near('API', 2)}]\n"
        "  dependsOn:\n" + "".join(f"    - {ref}\n" for ref in depends_on)
    )


def _group(number: int) -> str:
    index = number // _BLOCK * len(_SLOTS["Group"]) + _SLOTS["Group"].index(number % _BLOCK)
    if not index:
        return "  type: organization\n  children: []\n"
    parent = ref_of(number_of("Group", (index - 1) // _CHILDREN))
    kind = "department" if index <= _CHILDREN else "team"
    return f"  type: {kind}\n  parent: {parent}\n  children: []\n"


def _definition(number: int) -> str:
    subject = _pick(_SUBJECTS, number, 1)
    return (
        f"    openapi: 3.1.0\n    info:\n      title: {_name(number)}\n      version: 1.0.0\n"
        f"    paths:\n      /{subject}:\n        get:\n          summary: List every {subject}\n"
        f"          responses:\n            '200':\n              description: All of them\n"
        f"      /{subject}/{{id}}:\n        get:\n          summary: One {subject}\n"
        f"          responses:\n            '200':\n              description: The one\n"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--per-file", type=int, default=PER_FILE, help="documents in a file")
    chosen = parser.parse_args()
    write(chosen.folder, chosen.count, per_file=chosen.per_file)
