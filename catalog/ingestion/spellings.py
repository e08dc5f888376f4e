"""Targets as people write them: understood, or refused with the spelling that is read. Pure.

Source: https://www.rfc-editor.org/rfc/rfc8089 (``file:`` addresses); https://git-scm.com/docs/git-clone#_git_urls
"""

import re
from urllib.parse import unquote

from catalog.ingestion.repositories import KNOWN_HOSTS

_QUOTES = ("''", '""', "<>")
_FILE_ADDRESS = re.compile(r"file://(?:localhost)?(?=/)", re.IGNORECASE)
_PREFIX = re.compile(r"(?:url|file):(?!//)", re.IGNORECASE)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*)://")
_BROKEN_HTTP = re.compile(r"(https?)(?::/?(?!/)|//)(?=[^/])", re.IGNORECASE)
# user@host:path, and ssh:// or git:// with a user, a host, a port and a path.
_SCP = re.compile(r"[\w.\-]+@([A-Za-z0-9.\-]+):/*([^/\\].*)")
_CLONE = re.compile(
    r"(?:git|ssh|git\+ssh|git\+https?)://(?:[^@/]*@)?([A-Za-z0-9.\-]+)(?::\d+)?/+(.+)",
    re.IGNORECASE,
)
_SHORT = re.compile(r"(github|gitlab|bitbucket):/*([\w.\-]+/[\w.\-/]+)", re.IGNORECASE)
_SHORT_HOSTS = {"github": "github.com", "gitlab": "gitlab.com", "bitbucket": "bitbucket.org"}
_WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\")
_WINDOWS_RELATIVE = re.compile(r"\.{1,2}\\")
# Also behind a scheme that is misspelt: what stands before the last @ of a host may be a password.
_USER = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*(?::/{0,2}|//))[^/]*@")
_USER_OF_HOST = re.compile(r"^[^/]*@")
_ESCAPED = re.compile(r"%[0-9A-Fa-f]{2}")
_HOST_AS_FOLDER = re.compile(
    rf"(?:^|/)((?:{'|'.join(map(re.escape, KNOWN_HOSTS))}|www\.[\w.\-]+)/.+)"
)


def understood(text: str) -> str:
    """The same target as it is read: an address, a path or a glob; pasted marks are taken off."""
    text = text.strip()
    if text[:1] + text[-1:] in _QUOTES and len(text) > 2:
        text = text[1:-1].strip()
    if found := _FILE_ADDRESS.match(text):
        return unquote(text[found.end() :])
    return _PREFIX.sub("", text, count=1) if _PREFIX.match(text) else text


def without_user(url: str) -> str:
    """The address with its user name and password hidden, for it is stored and shown."""
    return _USER.sub(r"\1***@", url, count=1) if _USER.match(url) else url


def names_disk(text: str) -> bool:
    """Whether a target says itself that it is a file on disk."""
    return text.strip().lower().startswith("file:")


def refusal(text: str) -> tuple[str, str] | None:
    """Refuse a target that nothing can be read from: its mistake, and what to write; else None.

    Args:
        text: As :func:`understood` returns it.
    """
    if found := _SCP.fullmatch(text) or _CLONE.fullmatch(text):
        return "is an address to clone with git", f"write {_page(found[1], found[2])}"
    if found := _SHORT.fullmatch(text):
        page = _page(_SHORT_HOSTS[found[1].lower()], found[2])
        return "is the short name of a repository", f"write {page}"
    if found := _BROKEN_HTTP.match(text):
        rest = text[found.end() :]
        return "is not an address", f"write {found[1].lower()}://{_USER_OF_HOST.sub('', rest)}"
    if (found := _SCHEME.match(text)) and found[1].lower() not in ("http", "https"):
        return (
            "is not an http or https address",
            "write one that begins with https://",
        )
    if _WINDOWS.match(text):
        return (
            "is a path of Windows",
            "write the path of the portal's machine, with / between folders",
        )
    if _WINDOWS_RELATIVE.match(text):
        return "is a path of Windows", f"write {text.replace(chr(92), '/')}"
    return None


def hint_of_missing(path: str) -> str:
    """What may be meant by a path at which there is nothing; may be empty."""
    if found := _HOST_AS_FOLDER.search(path):
        return f"write https://{found[1]} if it is an address"
    if "\\" in path:
        return "write / between folders"
    name = path.rpartition("/")[2]
    if found := re.search(r"([^/#?]+)[#?]", path):
        return f"a path has no # or ?: write {found[1]}"
    if _ESCAPED.search(path):
        return f"paths are not escaped: write {unquote(name)}"
    return ""


def _page(host: str, path: str) -> str:
    return f"https://{host.lower()}/{path.rstrip('/').removesuffix('.git')}"
