"""Plain scalars of YAML 1.2's core schema, as a JavaScript reader would hold them. Pure.

Source: https://yaml.org/spec/1.2.2/#1032-tag-resolution
"""

import math
import re
from base64 import b64decode
from decimal import Decimal
from typing import Any

_WORDS: dict[str, bool | None] = {
    "": None,
    "~": None,
    **dict.fromkeys(("null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INT = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_TAG = "tag:yaml.org,2002:"
_BINARY = f"{_TAG}binary"
# Only these can start something that is not a string.
_STARTS = frozenset("0123456789-+.~nNtTfF")
_EXACT = 2**53
_PRINTED_WHOLE = 1e21


def resolve(text: str, tag: str | None) -> Any:
    """The value of a plain scalar, or of one with an explicit tag.

    Args:
        text: The scalar's text.
        tag: The tag as libyaml gives it; None for a plain scalar. An unknown tag makes a string.

    Returns:
        None, a bool, an int, a float or the text. What JSON cannot hold (infinity, not a number)
        is None, as JSON.stringify writes it.
    """
    if tag is not None:
        return _tagged(text, tag)
    if text and text[0] not in _STARTS:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return _number(float(text)) if len(text) > 15 else int(text)
    if _FLOAT.fullmatch(text):
        return _number(float(text))
    if _OCTAL.fullmatch(text):
        return _whole(int(text[2:], 8))
    if _HEX.fullmatch(text):
        return _whole(int(text[2:], 16))
    if _NOT_FINITE.fullmatch(text):
        return None
    return text


def _tagged(text: str, tag: str) -> Any:
    """A scalar under an explicit tag: what the tag does not fit stays text."""
    if tag == _BINARY:
        return {"type": "Buffer", "data": list(_bytes(text))}
    value = resolve(text, None) if text else text
    name = tag.removeprefix(_TAG)
    fits = {
        "null": value is None and text in _WORDS,
        "bool": isinstance(value, bool),
        "int": bool(_INT.fullmatch(text) or _OCTAL.fullmatch(text) or _HEX.fullmatch(text)),
        "float": not text.isdigit() and bool(_FLOAT.fullmatch(text) or _NOT_FINITE.fullmatch(text)),
    }
    if tag == f"{_TAG}null" and not text:
        return None
    return value if fits.get(name, False) else text


def _bytes(base64: str) -> bytes:
    text = re.sub(r"[^A-Za-z0-9+/]", "", base64)
    text = text[: len(text) - (len(text) % 4 == 1)]
    return b64decode(text + "=" * (-len(text) % 4))


def _whole(number: int) -> Any:
    if abs(number) <= _EXACT:
        return number
    try:
        return _number(float(number))
    except OverflowError:
        return None


def _number(number: float) -> int | float | None:
    """A double as JSON would print it: whole numbers without a point, no infinity."""
    if not math.isfinite(number):
        return None
    if number.is_integer() and abs(number) < _PRINTED_WHOLE:
        # The shortest digits that make the same double, which is what JavaScript prints.
        return int(Decimal(repr(number)))
    return number


def js_key(value: Any) -> str:
    """The text that a key which is not a string becomes, as in a JavaScript object."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return _flow(value)
    return re.sub(r"e([-+])0+(?=\d)", r"e\1", str(value))


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        inner = ", ".join(k if v is None else f"{k}: {_flow(v)}" for k, v in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list):
        inner = ", ".join(_flow(item) for item in value)
        return f"[ {inner} ]" if inner else "[]"
    return "null" if value is None else js_key(value)
