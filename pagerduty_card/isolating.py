"""Names and titles of strangers within sentences: their direction ends where they end. Pure.

Where a template prints one by itself, ``<bdi>`` does this.

Source: https://www.unicode.org/reports/tr9/ (explicit directional isolates)
"""

import unicodedata

_FIRST_STRONG_ISOLATE, _POP_ISOLATE = "\u2068", "\u2069"
_CONTROLS = dict.fromkeys(map(ord, "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e"))
_CONTROLS |= dict.fromkeys(map(ord, "\u2066\u2067\u2068\u2069"))
_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})


def isolated(text: str) -> str:
    """The text for a sentence, without what would turn the sentence around."""
    plain = text.translate(_CONTROLS)
    if any(unicodedata.bidirectional(one) in _RIGHT_TO_LEFT for one in plain):
        return f"{_FIRST_STRONG_ISOLATE}{plain}{_POP_ISOLATE}"
    return plain
