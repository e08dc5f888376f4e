"""Addresses of files in repositories: a page about a file, the file itself, the repository. Pure.

Source:
    https://docs.github.com/en/repositories/working-with-files
    https://docs.gitlab.com/ee/api/repository_files.html
"""

from urllib.parse import urlsplit

DESCRIPTOR = "catalog-info.yaml"
_GITHUB_RAW = "raw.githubusercontent.com"


def raw_address(address: str) -> str:
    """The address of the file itself, where the address is plainly that of a page about it.

    The page of a repository stands for its ``catalog-info.yaml``. Every other address comes back
    as it is.
    """
    host, parts = _parts(address)
    if host == "github.com" and len(parts) >= 2:
        owner, repository, *rest = parts
        repository = repository.removesuffix(".git")
        if not rest:
            return f"https://{_GITHUB_RAW}/{owner}/{repository}/HEAD/{DESCRIPTOR}"
        if rest[0] in ("blob", "raw") and len(rest) > 2:
            return f"https://{_GITHUB_RAW}/{owner}/{repository}/{'/'.join(rest[1:])}"
    if "-" in parts and parts[parts.index("-") + 1 :][:1] == ["blob"]:
        return address.split("?")[0].replace("/-/blob/", "/-/raw/", 1)
    if host == "gitlab.com" and len(parts) >= 2 and "-" not in parts:
        project = "/".join(parts).removesuffix(".git")
        return f"https://{host}/{project}/-/raw/HEAD/{DESCRIPTOR}"
    if host == "bitbucket.org" and parts[2:3] == ["src"] and len(parts) > 4:
        return f"https://{host}/{'/'.join([*parts[:2], 'raw', *parts[3:]])}"
    return address


def web_addresses(repository: str) -> list[str]:
    """What the addresses of a repository's files begin with, in lower case, each ending in ``/``.

    Args:
        repository: Its page, as its host's webhooks name it.
    """
    host, parts = _parts(repository)
    path = "/".join(parts).removesuffix(".git").lower()
    if not host or not path:
        return []
    found = [f"https://{host}/{path}/", f"http://{host}/{path}/"]
    if host == "github.com":
        found.append(f"https://{_GITHUB_RAW}/{path}/")
    return found


def _parts(address: str) -> tuple[str, list[str]]:
    """The host with its port and the parts of the path; nothing for what is no address."""
    try:
        url = urlsplit(address.strip())
    except ValueError:
        return "", []
    if url.scheme not in ("http", "https"):
        return "", []
    return url.netloc.lower(), [part for part in url.path.split("/") if part]
