"""``PAGERDUTY_ACCOUNTS`` read: text to accounts as written, and what is wrong with them.

Nothing here raises and nothing here quotes a value that may be a secret: mistakes name the account,
the field and the line. No HTTP, no database.

The value is YAML or the path of a file that holds it: a list, each item one account::

    - name: eu
      region: eu
      token_file: /run/secrets/pagerduty-eu
    - name: apps
      client_id: 0a1b2c3d
      client_secret_file: /run/secrets/pagerduty-apps
      subdomain: meridian
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from pagerduty_card.credentials import credential_mistake

SETTING = "PAGERDUTY_ACCOUNTS"
# Also the last part of a webhook's address, and a column of 64 characters.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SUBDOMAIN = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_SCOPE = re.compile(r"[A-Za-z0-9_:.-]+")

_SECRETS = ("token", "client_secret")
_TEXTS = (
    *("name", "token", "token_file", "client_id", "client_secret", "client_secret_file"),
    *("region", "subdomain", "api_base_url", "events_base_url", "identity_base_url"),
    "webhook_secrets_file",
)
_LISTS = ("scopes", "webhook_secrets")
FIELDS = (*_TEXTS, *_LISTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """Something somebody has to correct in the setting.

    Attributes:
        account: Name of the account it is in; empty for the setting as a whole.
        text: What is wrong, one sentence, without any secret.
        hint: What to write instead.
        is_double: Two accounts have one name.
    """

    account: str
    text: str
    hint: str
    is_double: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One account as it was written; empty where nothing was.

    Attributes:
        scopes: Those to ask for with client credentials; empty: those the portal needs.
        webhook_secrets: What webhooks are signed with; several while one replaces another.
    """

    name: str
    region: str = ""
    token: str = field(default="", repr=False)
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    subdomain: str = ""
    scopes: tuple[str, ...] = ()
    api_base_url: str = ""
    events_base_url: str = ""
    identity_base_url: str = ""
    webhook_secrets: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """All that the setting says.

    Attributes:
        accounts: In the order written; those with a mistake are among them.
        mistakes: In the order found.
    """

    accounts: tuple[Written, ...] = ()
    mistakes: tuple[Mistake, ...] = ()

    def mistake_of(self, account: str) -> Mistake | None:
        """The first mistake in the account of that name."""
        return next((one for one in self.mistakes if one.account == account), None)


@lru_cache(maxsize=8)
def read(value: str) -> Configuration:
    """Read the setting; files are read once in a process, as the environment is.

    Args:
        value: YAML, or the path of a file with it; relative to the working directory.
    """
    if not value:
        return Configuration()
    folder = Path()
    text = value
    if not _is_yaml(value):
        path = Path(value).expanduser()
        folder = path.parent
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, ValueError) as exc:
            # A token that was put here instead of a path must not be shown.
            shown = f"The file {value}" if path.suffix in {".yaml", ".yml"} else "The file"
            return _broken(f"{shown} that {SETTING} names cannot be read: {_cause(exc)}.")
    try:
        # Every scalar stays a text: a token of digits is no number, and ``no`` is a name.
        items = yaml.load(text, Loader=_Loader)  # noqa: S506 - it builds texts, lists, maps
    except RecursionError:
        return _broken(f"{SETTING} is nested too deeply.")
    except yaml.YAMLError as exc:
        mark = getattr(exc, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        said = "has a key twice" if isinstance(exc, _DoubleKeyError) else "is not YAML"
        # The parser's own words quote the text, and with it perhaps a token.
        return _broken(f"{SETTING} {said}{where}.")
    if isinstance(items, Mapping) and set(items) == {"accounts"}:
        items = items["accounts"]
    if not isinstance(items, list):
        return _broken(f"{SETTING} is not a list of accounts.")
    return _Reader(folder).read(items)


def _is_yaml(value: str) -> bool:
    return "\n" in value or value.startswith(("[", "{", "- "))


def _broken(text: str) -> Configuration:
    hint = (
        "Write a YAML list, each item with a name and a token_file: "
        "[{name: eu, region: eu, token_file: /run/secrets/eu}], or the path of a file with it."
    )
    return Configuration(mistakes=(Mistake(account="", text=text, hint=hint),))


def _cause(exc: Exception) -> str:
    if isinstance(exc, OSError):
        return exc.strerror or type(exc).__name__
    return "it is not UTF-8 text"


class _DoubleKeyError(yaml.MarkedYAMLError):
    """A map has a key twice."""


class _Loader(yaml.BaseLoader):
    """Builds texts, lists and maps; of a key that a map has twice, YAML itself keeps the last."""

    def construct_mapping(self, node: yaml.MappingNode, *args: Any, **options: Any) -> Any:
        """The map.

        Raises:
            _DoubleKeyError: A key is there twice.
        """
        names = [key.value for key, _ in node.value]
        for place, (key, _) in enumerate(node.value):
            if key.value in names[:place]:
                raise _DoubleKeyError(problem_mark=key.start_mark)
        return super().construct_mapping(node, *args, **options)


class _Reader:
    """Reads the items of one list."""

    def __init__(self, folder: Path) -> None:
        """Prepare; paths in the items are relative to ``folder``."""
        self._folder = folder
        self._accounts: list[Written] = []
        self._mistakes: list[Mistake] = []

    def read(self, items: list[object]) -> Configuration:
        """Read every item; one with a mistake does not stop the others."""
        for number, item in enumerate(items, start=1):
            if isinstance(item, Mapping):
                self._account(number, item)
            else:
                self._note("", f"Item {number} of {SETTING} is not an account.", _FIELDS_HINT)
        return Configuration(accounts=tuple(self._accounts), mistakes=tuple(self._mistakes))

    def _note(self, account: str, text: str, hint: str, *, is_double: bool = False) -> None:
        self._mistakes.append(Mistake(account=account, text=text, hint=hint, is_double=is_double))

    def _account(self, number: int, item: Mapping[object, object]) -> None:
        raw_name = item.get("name")
        name = raw_name.strip() if isinstance(raw_name, str) else ""
        if not _NAME.fullmatch(name):
            self._note(
                "",
                f"Item {number} of {SETTING} has no usable name.",
                "Give it a name of letters, digits, dot, dash or underscore, at most 64 "
                "characters: entities name it in pagerduty.com/account.",
            )
            return
        if any(one.name == name for one in self._accounts):
            self._note(
                name,
                f"{SETTING} has two accounts called {name!r}.",
                "Rename one of them, and the annotations that mean it.",
                is_double=True,
            )
            return
        texts = self._texts(name, item)
        scopes = self._scopes(name, item.get("scopes"))
        webhook_secrets = self._webhook_secrets(name, item)
        for secret in _SECRETS:
            texts[secret] = self._secret(name, secret, texts)
        self._accounts.append(
            Written(
                name=name,
                region=texts["region"].lower(),
                token=texts["token"],
                client_id=texts["client_id"],
                client_secret=texts["client_secret"],
                subdomain=texts["subdomain"].lower(),
                scopes=scopes,
                api_base_url=texts["api_base_url"].rstrip("/"),
                events_base_url=texts["events_base_url"].rstrip("/"),
                identity_base_url=texts["identity_base_url"].rstrip("/"),
                webhook_secrets=webhook_secrets,
            )
        )
        if not self._has_mistake(name):
            self._credentials(self._accounts[-1])

    def _has_mistake(self, name: str) -> bool:
        return any(one.account == name for one in self._mistakes)

    def _texts(self, name: str, item: Mapping[object, object]) -> dict[str, str]:
        texts = dict.fromkeys(_TEXTS, "")
        for key, value in item.items():
            if key not in FIELDS:
                # A mistyped name may stand before a secret, but is none itself.
                self._note(
                    name, f"Account {name!r} has an unknown field {str(key)[:40]!r}.", _FIELDS_HINT
                )
            elif key not in _LISTS:
                if isinstance(value, str):
                    texts[str(key)] = value.strip()
                else:
                    self._note(name, f"{key} of account {name!r} is not a text.", _FIELDS_HINT)
        return texts

    def _scopes(self, name: str, value: object) -> tuple[str, ...]:
        words = value.replace(",", " ").split() if isinstance(value, str) else value
        if words is None:
            return ()
        if not isinstance(words, list) or not all(
            isinstance(word, str) and _SCOPE.fullmatch(word) for word in words
        ):
            self._note(
                name,
                f"scopes of account {name!r} is not a list of scopes.",
                "Write for example scopes: [services.read, incidents.read], or leave it out to "
                "ask for what the portal needs.",
            )
            return ()
        return tuple(dict.fromkeys(words))

    def _webhook_secrets(self, name: str, item: Mapping[object, object]) -> tuple[str, ...]:
        """The secrets themselves or those in a file, separated by commas or blanks."""
        value, path = item.get("webhook_secrets"), item.get("webhook_secrets_file")
        if isinstance(path, str) and path.strip():
            try:
                value = (self._folder / Path(path.strip()).expanduser()).read_text(encoding="utf-8")
            except (OSError, ValueError) as exc:
                self._note(
                    name,
                    f"webhook_secrets_file of account {name!r} cannot be read: {path}: "
                    f"{_cause(exc)}.",
                    "Correct the path, or let the portal's user read the file.",
                )
                return ()
        words = value.replace(",", " ").split() if isinstance(value, str) else value or []
        if not isinstance(words, list) or not all(
            isinstance(word, str) and not credential_mistake(word) for word in words
        ):
            self._note(
                name,
                f"webhook_secrets of account {name!r} is not a list of secrets.",
                "Write webhook_secrets_file: a file with the secret that pagerduty_webhook create "
                "showed.",
            )
            return ()
        return tuple(dict.fromkeys(words))

    def _secret(self, name: str, secret: str, texts: Mapping[str, str]) -> str:
        """The secret itself or what the file holds."""
        value, path = texts[secret], texts[f"{secret}_file"]
        if value and path:
            self._note(
                name,
                f"Account {name!r} has both {secret} and {secret}_file.",
                f"Remove {secret}: a file is harder to print by mistake.",
            )
            return ""
        if path:
            try:
                value = (self._folder / Path(path).expanduser()).read_text(encoding="utf-8").strip()
            except (OSError, ValueError) as exc:
                self._note(
                    name,
                    f"{secret}_file of account {name!r} cannot be read: {path}: {_cause(exc)}.",
                    "Correct the path, or let the portal's user read the file.",
                )
                return ""
            if not value:
                self._note(
                    name,
                    f"{secret}_file of account {name!r} is empty: {path}.",
                    "Put the secret into it, and nothing else.",
                )
                return ""
        if value and (mistake := credential_mistake(value)):
            self._note(
                name,
                f"{secret} of account {name!r} {mistake}.",
                "Copy it again, and nothing else with it.",
            )
            return ""
        return value

    def _credentials(self, account: Written) -> None:
        """Either a token, or all that client credentials take."""
        name = account.name
        oauth = {
            "client_id": account.client_id,
            "client_secret": account.client_secret,
            "subdomain": account.subdomain,
        }
        if account.token and (account.client_id or account.client_secret):
            self._note(
                name,
                f"Account {name!r} has a token and client credentials: which one is meant?",
                "Remove one of the two.",
            )
        elif not account.token and not any(oauth.values()):
            self._note(
                name,
                f"Account {name!r} has neither a token nor client credentials.",
                "Add token_file, or client_id, client_secret_file and subdomain.",
            )
        elif not account.token and not all(oauth.values()):
            missing = ", ".join(key for key, value in oauth.items() if not value)
            self._note(
                name,
                f"The client credentials of account {name!r} lack {missing}.",
                "OAuth needs client_id, client_secret (or client_secret_file) and the subdomain, "
                "the first part of your PagerDuty address.",
            )
        elif account.subdomain and not _SUBDOMAIN.fullmatch(account.subdomain):
            self._note(
                name,
                f"subdomain of account {name!r} is no subdomain.",
                "Write meridian for https://meridian.pagerduty.com.",
            )
        elif account.client_id and credential_mistake(account.client_id):
            self._note(
                name,
                f"client_id of account {name!r} {credential_mistake(account.client_id)}.",
                "Copy it again, and nothing else with it.",
            )


_FIELDS_HINT = f"An account has these fields: {', '.join(FIELDS)}."
