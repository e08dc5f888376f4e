"""The portal's own stylesheets and scripts, joined so that a first view asks for two files.

Sources stay one component a file. What is joined is found by Django's finders, as every static
file is: ``collectstatic`` hashes and compresses it, a server in ``DEBUG`` and tests serve it too.
"""

import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import BaseFinder
from django.core.checks import CheckMessage
from django.core.files.storage import FileSystemStorage

# In the order of the cascade. Styles of single pages stay apart: most views need none of them.
STYLES = (
    *("tokens", "base", "layout"),
    *(f"components/{name}" for name in ("atoms", "controls", "panels", "lists", "card")),
)
SCRIPTS = ("dialog", "forms", "live", "local-time", "shortcuts")


# A comment with lines of its own; what is within a line may be a text.
_OWN_COMMENT = re.compile(r"^/\*.*?\*/\n+", re.DOTALL | re.MULTILINE)


def _joined_styles() -> str:
    text = "".join((_sources() / f"css/{name}.css").read_text("utf-8") for name in STYLES)
    return re.sub(r"\s*\n\s*", "\n", re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)).lstrip()


def _joined_scripts() -> str:
    # A block each: a name of one script is none of another's, as in modules of their own.
    texts = ((_sources() / f"js/{name}.js").read_text("utf-8") for name in SCRIPTS)
    return "".join(f"{{\n{_OWN_COMMENT.sub('', text)}}}\n" for text in texts)


JOINED = {"css/site.css": _joined_styles, "js/site.js": _joined_scripts}


class JoinedFinder(BaseFinder):
    """Finds the joined files, and writes them anew where a source changed."""

    def check(self, **kwargs: Any) -> list[CheckMessage]:
        """Nothing of it can be configured wrongly."""
        del kwargs
        return []

    def find(self, path: str, find_all: object = None) -> Any:
        """Absolute path of a joined file as its sources are now; empty for any other file."""
        if path not in JOINED:
            return []
        file = _folder() / path
        text = JOINED[path]()
        # Left alone where nothing changed: whether to collect again is seen by its time.
        if not file.is_file() or file.read_text("utf-8") != text:
            _write(file, text)
        return [str(file)] if find_all else str(file)

    def list(
        self, ignore_patterns: Iterable[str] | None
    ) -> Iterator[tuple[str, FileSystemStorage]]:
        """Yield each joined file for ``collectstatic``, with where it lies."""
        del ignore_patterns
        for path in JOINED:
            self.find(path)
            yield path, FileSystemStorage(_folder())


def _sources() -> Path:
    return Path(settings.BASE_DIR) / "static"


def _folder() -> Path:
    return Path(settings.VAR_DIR) / "joined"


def _write(file: Path, text: str) -> None:
    """Replace a file at once: another process may be serving it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    number, name = tempfile.mkstemp(dir=file.parent)
    with os.fdopen(number, "w", encoding="utf-8") as opened:
        opened.write(text)
    Path(name).replace(file)
