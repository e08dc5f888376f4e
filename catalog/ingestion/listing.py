"""Which files a folder or a pattern stands for.

A folder that cannot be listed counts as a file, which then cannot be read: what lies in it is not
gone. The standard library passes over such a folder in silence.
"""

import fnmatch
import glob
import os
import stat
from collections.abc import Callable, Iterator, Sequence

_SUFFIXES = (".yaml", ".yml")


def _is_hidden(name: str) -> bool:
    # Kubernetes keeps the real files of a mounted ConfigMap in folders whose names start with "..".
    return name == ".git" or name.startswith("..")


def files_below(folder: str, watch: Callable[[], None]) -> Iterator[str]:
    """Every ``*.yaml`` and ``*.yml`` of a folder; links to folders are not followed.

    A folder below that cannot be listed counts as a file, which then cannot be read.

    Args:
        folder: Where it begins.
        watch: Called before each folder; what it raises ends the listing.
    """
    unlisted: list[str] = []
    for path, folders, files in os.walk(folder, onerror=lambda exc: unlisted.append(exc.filename)):
        watch()
        folders[:] = [name for name in folders if not _is_hidden(name)]
        for name in files:
            if name.lower().endswith(_SUFFIXES) and not _is_hidden(name):
                yield f"{path.rstrip('/')}/{name}"
    yield from unlisted


def matching(folder: str, parts: Sequence[str], watch: Callable[[], None]) -> Iterator[str]:
    """Every file that matches a pattern, in no order, some perhaps twice.

    Args:
        folder: Where the pattern begins.
        parts: The rest of it, a part for each level; ``**`` is any number of levels.
        watch: As for :func:`files_below`.
    """
    watch()
    first, *rest = parts
    if not glob.has_magic(first):
        yield from _below(folder, [first], rest, watch)
        return
    try:
        with os.scandir(folder) as entries:
            found = list(entries)
    except PermissionError:
        yield _closed(folder)
        return
    except OSError:
        return
    if first != "**":
        names = fnmatch.filter((entry.name for entry in found), first)
        yield from _below(folder, names, rest, watch)
        return
    if rest:
        yield from matching(folder, rest, watch)
    for entry in found:
        if entry.is_dir(follow_symlinks=False):
            yield from matching(entry.path, parts, watch)


def _below(
    folder: str, names: Sequence[str], rest: Sequence[str], watch: Callable[[], None]
) -> Iterator[str]:
    """What of these names is a file, or leads to what the rest of the pattern matches."""
    for name in names:
        path = f"{folder.rstrip('/')}/{name}"
        try:
            is_folder = stat.S_ISDIR(os.stat(path).st_mode)  # noqa: PTH116 -- paths are texts here
        except PermissionError:
            yield _closed(folder)
            return
        except (OSError, ValueError):
            continue
        if rest and is_folder:
            yield from matching(path, rest, watch)
        elif not rest and not is_folder:
            yield path


def _closed(folder: str) -> str:
    return folder.rstrip("/") or "/"
