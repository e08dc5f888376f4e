"""Addresses of files in repositories: a page about a file, the file itself, the repository. Pure.

A page is known by its host, or by the shape of its path, which is the same on every host of one
software.

Source:
    https://docs.github.com/en/repositories/working-with-files
    https://docs.gitlab.com/ee/api/repository_files.html
    https://learn.microsoft.com/rest/api/azure/devops/git/items/get
"""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qs, quote, urlencode, urljoin, urlsplit, urlunsplit

DESCRIPTOR = "catalog-info.yaml"
SOFTWARE = ("github", "gitlab", "bitbucket", "gitea", "azure")
KNOWN_HOSTS = {
    "github.com": "github",
    "gitlab.com": "gitlab",
    "bitbucket.org": "bitbucket",
    "codeberg.org": "gitea",
    "dev.azure.com": "azure",
}
_GITHUB_RAW = "raw.githubusercontent.com"
# Hosts of files that people know under another name.
FIRST_NAMES = {_GITHUB_RAW: "github.com"}
_FILES = (".yaml", ".yml", ".json")
_PAGES = ("blob", "tree", "blame", "edit")
_BITBUCKET_OWNERS = (["projects"], ["users"])
_AZURE_ITEMS = "_apis/git/repositories"
_AZURE_VERSIONS = {"GB": "branch", "GT": "tag", "GC": "commit"}
_NOTHING: Mapping[str, str] = {}
_PORT = re.compile(r":\d*$")


def raw_address(address: str, software: Mapping[str, str] = _NOTHING) -> str:
    """The address of the file itself, where the address is plainly that of a page about it.

    The page of a repository or of a folder stands for its ``catalog-info.yaml``. Every other
    address comes back as it is.

    Args:
        address: Of a file or a page.
        software: By host, with or without a port: one of ``SOFTWARE``.
    """
    host, parts = _parts(address)
    if not host or "@" in host or host in FIRST_NAMES:
        return address
    scheme = address.strip().partition(":")[0].lower()
    path = ""
    match software_of(address, software):
        case "github":
            path = _github(parts)
            if host == "github.com" and path:
                return f"https://{_GITHUB_RAW}/{path.removeprefix('raw/')}"
        case "gitlab":
            path = _gitlab(parts)
        case "bitbucket":
            path = _bitbucket(parts, urlsplit(address).query)
        case "gitea":
            path = _gitea(parts)
        case "azure":
            path = _azure(host, parts, urlsplit(address).query)
    return f"{scheme}://{host}/{path}" if path else address


def software_of(address: str, software: Mapping[str, str] = _NOTHING) -> str:
    """What a page or file is made by; empty where that cannot be told."""
    host, parts = _parts(address)
    host = FIRST_NAMES.get(host, host)
    return named({**KNOWN_HOSTS, **software}, host) or _kind_by_shape(parts)


def named(values: Mapping[str, str], host: str) -> str:
    """What is named for a host and its port; one that is named without a port has any of them.

    Args:
        values: By host, or host and port.
        host: In lower case, with the port of the address if it has one.
    """
    return values.get(host) or values.get(_PORT.sub("", host), "")


def resolve(base: str, target: str, software: Mapping[str, str] = _NOTHING) -> str:
    """Where a target leads that stands in the file at an address, as the file itself.

    Raises:
        ValueError: It is no address.
    """
    url = urlsplit(base)
    if f"/{_AZURE_ITEMS}/" not in url.path or urlsplit(target).netloc:
        return raw_address(urljoin(base, target), software)
    query = {name: values[0] for name, values in parse_qs(url.query).items()}
    query["path"] = urljoin(query.get("path", "/"), target)
    return urlunsplit(url._replace(query=urlencode(query, safe="/")))


def is_same_repository(one: str, other: str) -> bool:
    """Whether two addresses of files lie in one repository, maybe under two names of its host."""
    return _repository(one) == _repository(other) != ("", "", "")


def web_addresses(repository: str) -> list[str]:
    """What the addresses of a repository's files begin with, in lower case, each ending in ``/``.

    Args:
        repository: Its page, as its host's webhooks name it.
    """
    host, parts = _parts(repository)
    path = "/".join(parts).removesuffix(".git").lower()
    if not host or not path:
        return []
    found = [f"{scheme}://{host}/{way}{path}/" for scheme in ("https", "http") for way in _WAYS]
    if host == "github.com":
        found.append(f"https://{_GITHUB_RAW}/{path}/")
    return found


# Between the host and the repository's path, on GitHub Enterprise.
_WAYS = ("", "raw/")


def _kind_by_shape(parts: Sequence[str]) -> str:
    """The software that has such pages; empty where the path may be that of any file."""
    after = list(parts[parts.index("-") + 1 :]) if "-" in parts else []
    if after[:1] and after[0] in (*_PAGES, "raw"):
        return "gitlab"
    if "_git" in parts:
        return "azure"
    if parts[:1] in _BITBUCKET_OWNERS and "browse" in parts[4:5]:
        return "bitbucket"
    if parts[2:3] == ["src"] and parts[3:4] and parts[3] in ("branch", "tag", "commit"):
        return "gitea"
    if len(parts) > 3 and parts[2] in _PAGES:
        return "github"
    return ""


def _file(path: Sequence[str], least: int) -> str:
    """The path of a file; of what is no file by its name, the descriptor in it.

    Args:
        path: What follows the kind of page: the version, then the path.
        least: How many parts are no part of the path in the repository.
    """
    is_file = len(path) > least and path[-1].lower().endswith(_FILES)
    return "/".join(path if is_file else [*path, DESCRIPTOR])


def _github(parts: list[str]) -> str:
    if len(parts) < 2:
        return ""
    owner, repository, *rest = parts
    repository = repository.removesuffix(".git")
    if not rest:
        return f"raw/{owner}/{repository}/HEAD/{DESCRIPTOR}"
    if len(rest) > 1 and rest[0] in _PAGES:
        is_page_of_file = rest[0] != "tree" and len(rest) > 2
        file = "/".join(rest[1:]) if is_page_of_file else _file(rest[1:], 1)
        return f"raw/{owner}/{repository}/{file}"
    if len(rest) > 2 and rest[0] == "raw":
        return f"raw/{owner}/{repository}/{'/'.join(rest[1:])}"
    return ""


def _gitlab(parts: list[str]) -> str:
    if "-" not in parts and any(page in parts[2:] for page in _PAGES):
        # As addresses were until GitLab 16, and as people still copy them.
        at = next(n for n, part in enumerate(parts) if n > 1 and part in _PAGES)
        parts = [*parts[:at], "-", *parts[at:]]
    if "-" not in parts:
        if len(parts) < 2 or parts[0] == "api" or parts[-1].lower().endswith(_FILES):
            return ""
        project = "/".join(parts).removesuffix(".git")
        return f"{project}/-/raw/HEAD/{DESCRIPTOR}"
    at = parts.index("-")
    project, after = "/".join(parts[:at]), parts[at + 1 :]
    if len(after) < 2 or after[0] not in _PAGES:
        return ""
    is_page_of_file = after[0] != "tree" and len(after) > 2
    return f"{project}/-/raw/{'/'.join(after[1:]) if is_page_of_file else _file(after[1:], 1)}"


def _bitbucket(parts: list[str], query: str) -> str:
    if parts[:1] in _BITBUCKET_OWNERS and parts[4:5] == ["browse"]:
        version = parse_qs(query).get("at", [""])[0]
        path = "/".join([*parts[:4], "raw", _file(parts[5:], 0)])
        return f"{path}?{urlencode({'at': version}, safe='/')}" if version else path
    if parts[2:3] == ["src"] and len(parts) > 3:
        return "/".join([*parts[:2], "raw", _file(parts[3:], 1)])
    if len(parts) == 2:
        return "/".join([parts[0], parts[1].removesuffix(".git"), "raw", "HEAD", DESCRIPTOR])
    return ""


def _gitea(parts: list[str]) -> str:
    if parts[2:3] == ["src"] and len(parts) > 4:
        return "/".join([*parts[:2], "raw", parts[3], _file(parts[4:], 1)])
    if len(parts) == 2:
        return "/".join([parts[0], parts[1].removesuffix(".git"), "raw", "HEAD", DESCRIPTOR])
    return ""


def _azure(host: str, parts: list[str], query: str) -> str:
    if "_git" not in parts or parts[-1] == "_git":
        return ""
    at = parts.index("_git")
    # The repository that a project begins with is called as the project is, which is then left out.
    project = parts[:at] if at > (host == "dev.azure.com") else [*parts[:at], parts[at + 1]]
    asked = parse_qs(query)
    path = asked.get("path", ["/"])[0]
    if not path.lower().endswith(_FILES):
        path = f"{path.rstrip('/')}/{DESCRIPTOR}"
    fields = {"api-version": "6.0", "path": path}
    version = asked.get("version", [""])[0]
    if kind := _AZURE_VERSIONS.get(version[:2]):
        fields["versionDescriptor.versionType"] = kind
        fields["versionDescriptor.version"] = version[2:]
    where = "/".join([*project, _AZURE_ITEMS, parts[at + 1], "items"])
    return f"{where}?{urlencode(fields, safe='/', quote_via=quote)}"


def _repository(address: str) -> tuple[str, str, str]:
    """The host by its first name, owner and name; empty texts for what has none."""
    host, parts = _parts(address)
    host = FIRST_NAMES.get(host, host).removeprefix("raw.")
    if parts[:1] == ["raw"]:
        del parts[0]
    return (host, parts[0].lower(), parts[1].lower()) if len(parts) > 2 else ("", "", "")


def _parts(address: str) -> tuple[str, list[str]]:
    """The host with its port and the parts of the path; nothing for what is no address."""
    try:
        url = urlsplit(address.strip())
    except ValueError:
        return "", []
    if url.scheme not in ("http", "https"):
        return "", []
    host = url.netloc.lower()
    if host.removeprefix("www.") in KNOWN_HOSTS:
        host = host.removeprefix("www.")
    return host, [part for part in url.path.split("/") if part]
