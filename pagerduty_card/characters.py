"""Characters that nobody sees, and texts of strangers within sentences. Pure.

Some turn the direction of a line, or hide what is written. Where a template prints a name or title
by itself, ``<bdi>`` ends its direction; within a sentence ``isolated`` does.

Source: https://www.unicode.org/reports/tr9/ (Bidirectional Algorithm), tr36 (Security)
"""

import unicodedata

# What a form says of a text; it fills in both numbers.
TOO_LONG = "Write at most %(limit_value)d characters; this has %(show_value)d."
# Line breaks, tabs, and the joiners that Persian, Indic scripts and emoji are written with.
_WANTED = frozenset("\n\r\t\u200c\u200d")
# Control and format characters, halves of pairs, separators of lines and paragraphs.
_KINDS = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# Marks belong to a letter, and fillers stand for one: alone they show nothing.
_MARKS = frozenset({"Mn", "Me"})
_FILLERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
_BREAKS = frozenset("\x0b\x0c\x85\u2028\u2029")
_FIRST_STRONG_ISOLATE, _POP_ISOLATE = "\u2068", "\u2069"
_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})


def invisible_in(text: str) -> list[str]:
    """Each character that nobody sees and that no script needs, once."""
    return [
        one
        for one in dict.fromkeys(text)
        if unicodedata.category(one) in _KINDS and one not in _WANTED
    ]


def without_invisible(text: str) -> str:
    """The text without them; what breaks lines is a line break."""
    found = invisible_in(text)
    return text.translate({ord(one): "\n" if one in _BREAKS else None for one in found})


def is_blank(text: str) -> bool:
    """Whether there is nothing to see in a text."""
    return all(
        one.isspace() or one in _FILLERS or unicodedata.category(one) in _KINDS | _MARKS
        for one in text
    )


def named(character: str) -> str:
    """A character for a sentence, for example ``U+202E (right-to-left override)``."""
    return f"U+{ord(character):04X} ({unicodedata.name(character, 'control character').lower()})"


def isolated(text: str) -> str:
    """The text for a sentence, without what nobody sees and what would turn the sentence around."""
    plain = without_invisible(text)
    if any(unicodedata.bidirectional(one) in _RIGHT_TO_LEFT for one in plain):
        return f"{_FIRST_STRONG_ISOLATE}{plain}{_POP_ISOLATE}"
    return plain
