"""Secrets that are known by their form, wherever they stand in a text. Pure.

A name ("token", "password") is not needed: a key that somebody pastes into a description, a link or
a comment is masked as well. What only looks like one and is public is left alone: digests of SHA
(40, 64 and more digits), ids of commits, pages of Notion and gists, MD5 sums that say so.

Forms: PagerDuty's integration keys (32 hexadecimal digits, or ``R0`` and 30 letters and digits) and
tokens, those of GitHub, GitLab, Slack, AWS, Google, npm, PyPI, Stripe, OpenAI, SendGrid and Vault,
private keys in PEM, JSON Web Tokens, passwords in addresses, webhooks of chats, parameters of
queries, and keys and passwords of connection strings. Each of them also in Base64.
"""

import base64
import binascii
import re
from typing import NamedTuple

MASK = "****"
# Of a shorter one, four characters are too much.
_SHORTEST_TO_SHOW = 20


def mask(secret: str) -> str:
    """The secret's last four characters behind asterisks; nothing of one of under 20."""
    return f"{MASK}{secret[-4:]}" if len(secret) >= _SHORTEST_TO_SHOW else MASK


class _Shape(NamedTuple):
    """One form of secrets.

    Attributes:
        marks: Every text with such a secret has one of these, in lower case. Looking for them first
            spares most texts the search.
        pattern: Finds it; the secret is the group, or all of it where there is none.
    """

    marks: tuple[str, ...]
    pattern: re.Pattern[str]


def _shape(marks: str, pattern: str, flags: int = 0) -> _Shape:
    """A form; its marks are separated by blanks."""
    return _Shape(tuple(marks.split()), re.compile(pattern, flags))


_START, _END = r"(?<![0-9A-Za-z])", r"(?![0-9A-Za-z])"
# Tokens that begin in a way of their own: pattern and marks.
_PREFIXES = (
    (r"gh[pousr]_\w{16,255}", "ghp_ gho_ ghu_ ghs_ ghr_"),
    (r"github_pat_\w{16,255}", "github_pat_"),
    (
        r"gl(?:pat|dt|rt|cbt|ptt|soat|ft|imt|agent)-[\w-]{16,255}",
        "glpat- gldt- glrt- glcbt- glptt- glsoat- glft- glimt- glagent-",
    ),
    (r"xox[a-z]-[\w-]{8,255}", "xox"),
    (r"xapp-[\w-]{8,255}", "xapp-"),
    (r"A(?:KIA|SIA|ROA|IDA)[0-9A-Z]{16}", "akia asia aroa aida"),
    (r"AIza[\w-]{35}", "aiza"),
    (r"npm_\w{30,255}", "npm_"),
    (r"pypi-[\w-]{30,255}", "pypi-"),
    (r"[rs]k_(?:live|test)_\w{16,255}", "k_live_ k_test_"),
    (r"sk-[\w-]{20,255}", "sk-"),
    (r"SG\.[\w-]{16,64}\.[\w-]{16,128}", "sg."),
    (r"hv[sbr]\.[\w-]{20,255}", "hvs. hvb. hvr."),
    (r"u\+[\w-]{16,64}", "u+"),
    (r"pd[a-z]{2}\+[\w+-]{10,255}", "+"),
    (r"eyJ[\w-]{8,4096}\.eyJ[\w-]{4,65536}(?:\.[\w-]{0,4096})?", "eyj"),
)
# A value in quotes or, as in ODBC, in braces; ends open, for how one in neither is written.
_VALUE = (
    r"\\?(?:[\"']|\{(?!\{))?((?<=\")[^\"\n]{1,255}|(?<=')[^'\n]{1,255}"
    r"|(?<=(?<!\{)\{)(?:[^{}\n]|\}\}){1,255}|"
)
_TOKENS = (
    _shape(
        "-----begin",
        r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,30}PRIVATE KEY-----|\Z)",
        re.DOTALL,
    ),
    *(_shape(marks, _START + pattern) for pattern, marks in _PREFIXES),
    # User and password of an address, of any scheme.
    _shape("@", r"(?<=://)[^\s/:@?#]{0,255}:([^\s/@]{1,255})@"),
    _shape("hooks.slack.com", r"hooks\.slack\.com/\w+/([^\s\"'<>)]+)", re.IGNORECASE),
    _shape("/api/webhooks/", r"/api/webhooks/([^\s\"'<>)]+)", re.IGNORECASE),
    _shape("webhook.office.com", r"webhook\.office\.com/([^\s\"'<>)]+)", re.IGNORECASE),
    _shape(
        "=",
        r"(?:[?&#](?:password|passwd|pwd)|[?&#;](?:[a-z_-]{0,20}token|[a-z_-]{0,20}secret|(?:api|access|routing|integration)[_-]?key"
        r"|sig|[a-z-]{0,20}signature))=([^\s&#\"'<>)]+)",
        re.IGNORECASE,
    ),
    _shape("key=", r"[?&]key=([^\s&#\"'<>)]{16,})", re.IGNORECASE),
    # Of connection strings, then of settings.
    _shape(
        "password pwd passwd",
        r";[ \t]{0,3}(?:password|passwd|pwd)[ \t]{0,3}=[ \t]{0,3}" + _VALUE + r"[^\s;\"'<>)]+)",
        re.IGNORECASE,
    ),
    _shape(
        "password pwd passwd",
        r"\b(?:password|passwd|pwd)=" + _VALUE + r"[^\s&;,\"'<>)]+)",
        re.IGNORECASE,
    ),
    _shape(
        "key",
        r"\b\w{0,30}(?:account|access|api|integration|routing|secret|shared|storage)[_-]?key"
        r"[ \t]{0,3}=[ \t]{0,3}\\?[\"']?([^\s&;,\"'<>)\\]{16,})",
        re.IGNORECASE,
    ),
    _shape("bearer basic", r"\b(?:Bearer|Basic)\s+([\w+/.~=-]{16,})", re.IGNORECASE),
)
# Whether a text has any mark at all; most have none, and are asked once instead of fifty times.
_ANY_MARK = re.compile(
    "|".join(sorted({re.escape(mark) for shape in _TOKENS for mark in shape.marks}))
)
# PagerDuty's integration keys, as a part of other patterns.
INTEGRATION_KEY = r"(?:[0-9A-Fa-f]{32}|R0[0-9A-Za-z]{30})"
_KEY = re.compile(_START + INTEGRATION_KEY + _END)
# What stands before 32 digits that are no key.
_PUBLIC_BEFORE = re.compile(
    r"(?:md5[:=\s-]\s?|https://(?:[\w.-]{0,100}\.)?(?:notion\.so|notion\.site|gist\.github\.com"
    r"|gist\.githubusercontent\.com)/[^\s\"'<>]{0,300})$",
    re.IGNORECASE,
)
_BEFORE = 450  # characters of it that are looked at
# What the shortest address with a password has: ``://:a@``.
_SHORTEST = 6
_BASE64 = re.compile(r"(?<![0-9A-Za-z+/=])[0-9A-Za-z+/]{24,}={0,2}")


def hide_tokens(text: str) -> str:
    """The text with every secret masked that no other text looks like; for logs."""
    lowered = text.lower()
    if not _ANY_MARK.search(lowered):
        return text
    for shape in _TOKENS:
        if any(mark in lowered for mark in shape.marks):
            text = shape.pattern.sub(_masked, text)
    return text


def hide_shapes(text: str) -> str:
    """The text with every secret masked that is known by its form, 32 digits and Base64 included.

    Takes time in proportion to the text's length.
    """
    if len(text) < _SHORTEST:
        return text
    text = _KEY.sub(_masked_key, hide_tokens(text))
    return _BASE64.sub(_masked_base64, text)


def _masked(found: re.Match[str]) -> str:
    group = found.re.groups
    start, end = found.start(group) - found.start(), found.end(group) - found.start()
    whole = found[0]
    if whole[start:].startswith((MASK, "${", "{{", "$(")):  # masked before, or filled in later
        return whole
    return f"{whole[:start]}{mask(whole[start:end])}{whole[end:]}"


def _masked_key(found: re.Match[str]) -> str:
    before = found.string[max(found.start() - _BEFORE, 0) : found.start()]
    return found[0] if _PUBLIC_BEFORE.search(before) else mask(found[0])


def _masked_base64(found: re.Match[str]) -> str:
    written = found[0].rstrip("=")
    try:
        plain = base64.b64decode(written + "=" * (-len(written) % 4)).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        return found[0]
    is_secret = hide_tokens(plain) != plain or _KEY.search(plain)
    return mask(found[0]) if is_secret else found[0]
