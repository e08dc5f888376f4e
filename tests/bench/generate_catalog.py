"""A catalog of any size as YAML text, the same every time: what imports are measured with."""

import argparse
from collections.abc import Iterator
from pathlib import Path

_PER_FILE = 5_000
_LANGUAGES = ("java", "python", "go", "node", "rust")
_KINDS = ("Component",) * 11 + (
    "API",
    "API",
    "Resource",
    "Resource",
    "System",
    "Domain",
    "Group",
    "User",
    "User",
)


def documents(count: int) -> Iterator[str]:
    """YAML documents, 55 % of them components, with relations among themselves.

    Args:
        count: How many.
    """
    for number in range(count):
        yield _document(number, count)


def write(folder: Path, count: int) -> list[Path]:
    """Write the catalog as files of at most 5,000 documents.

    Args:
        folder: Where; made if it is missing.
        count: How many documents.

    Returns:
        The files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    texts = list(documents(count))
    files = []
    for start in range(0, count, _PER_FILE):
        file = folder / f"catalog-{start // _PER_FILE:04}.yaml"
        file.write_text("---\n" + "---\n".join(texts[start : start + _PER_FILE]), "utf-8")
        files.append(file)
    return files


def _near(number: int, kind: str, count: int, step: int) -> str:
    """The name of some entity of the kind, found from the number without randomness."""
    slots = [slot for slot, name in enumerate(_KINDS) if name == kind]
    blocks = max(1, count // len(_KINDS))
    block = (number // len(_KINDS) * 7 + step * 13) % blocks
    return f"{kind.lower()}-{block * len(_KINDS) + slots[(number + step) % len(slots)]}"


def _document(number: int, count: int) -> str:
    kind = _KINDS[number % len(_KINDS)]
    language = _LANGUAGES[number % len(_LANGUAGES)]

    def near(of: str, step: int = 0) -> str:
        return _near(number, of, count, step)

    head = (
        f"apiVersion: backstage.io/v1alpha1\nkind: {kind}\nmetadata:\n"
        f"  name: {kind.lower()}-{number}\n"
        f"  title: {kind} number {number}\n"
        f"  description: Does the work of {kind.lower()} {number} for everybody who asks.\n"
    )
    spec = {
        "API": f"  type: openapi\n  lifecycle: production\n  owner: {near('Group')}\n"
        f"  system: {near('System')}\n  definition: |\n    openapi: 3.1.0\n",
        "Resource": f"  type: database\n  owner: {near('Group')}\n  system: {near('System')}\n",
        "System": f"  owner: {near('Group')}\n  domain: {near('Domain')}\n",
        "Domain": f"  owner: {near('Group')}\n",
        "Group": "  type: team\n  children: []\n",
        "User": f"  memberOf: [{near('Group')}]\n  profile:\n    email: user{number}@example.com\n",
    }
    if kind != "Component":
        return f"{head}spec:\n{spec[kind]}"
    return (
        f"{head}"
        "  annotations:\n"
        f"    pagerduty.com/service-id: P{number:06}\n"
        f"    github.com/project-slug: example/component-{number}\n"
        "    backstage.io/techdocs-ref: dir:.\n"
        f"  tags: [{language}, tier-{number % 4}, region-{number % 7}]\n"
        f"  links:\n    - url: https://example.com/{number}\n      title: Dashboard\n"
        "spec:\n"
        f"  type: {'service' if number % 3 else 'library'}\n"
        f"  lifecycle: {'production' if number % 5 else 'experimental'}\n"
        f"  owner: {near('Group')}\n"
        f"  system: {near('System')}\n"
        f"  providesApis: [{near('API')}]\n"
        f"  consumesApis: [{near('API', 1)}]\n"
        f"  dependsOn:\n    - resource:{near('Resource')}\n    - component:{near('Component', 1)}\n"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=10_000)
    chosen = parser.parse_args()
    write(chosen.folder, chosen.count)
