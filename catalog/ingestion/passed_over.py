"""Say in one line what of a folder is no descriptor."""

import os.path
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping

from catalog.descriptor import PassedOver
from catalog.ingestion.report import ReportNotice
from catalog.ingestion.spool import Spool

_MAX_FOLDERS = 5


def notices_of_passed_over(spool: Spool) -> Iterator[ReportNotice]:
    """A notice for each root below which something was passed over."""
    by_root: dict[int, dict[str, PassedOver]] = defaultdict(dict)
    for address, passed_over in spool.passed_over.items():
        by_root[spool.reached[address]][address] = passed_over
    for number, files in sorted(by_root.items()):
        root = spool.roots[number]
        base = str(root.folder or root.target)
        yield ReportNotice(file=root.target, line=None, ref="", message=summary_of(files, base))


def summary_of(files: Mapping[str, PassedOver], base: str) -> str:
    """How many documents were passed over, of what sort, and in which folders.

    Args:
        files: By address.
        base: The folder that the others are named from.
    """
    foreign = _counted({file: one.foreign for file, one in files.items()}, base)
    skeletons = _counted({file: one.skeletons for file, one in files.items()}, base)
    parts = []
    if foreign:
        parts.append(_phrase(foreign, "no descriptor", "no descriptors"))
    if skeletons:
        parts.append(_phrase(skeletons, "a template's skeleton", "templates' skeletons"))
    return f"passed over: {'; '.join(parts)}"


def _counted(files: Mapping[str, int], base: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for file, count in files.items():
        if count:
            found[os.path.relpath(os.path.dirname(file), base)] += count  # noqa: PTH120
    return found


def _phrase(folders: Counter[str], one: str, many: str) -> str:
    total = folders.total()
    shown = [f"{folder} ({count:,})" for folder, count in folders.most_common(_MAX_FOLDERS)]
    more = f" and {len(folders) - _MAX_FOLDERS:,} more" if len(folders) > _MAX_FOLDERS else ""
    is_or_are = f"1 document is {one}" if total == 1 else f"{total:,} documents are {many}"
    return f"{is_or_are}, in {', '.join(shown)}{more}"
