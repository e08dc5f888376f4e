"""Legal YAML that libyaml alone refuses, rewritten so that it reads the same. Pure.

Each rewriting keeps every line in its place, so that positions stay true.
"""

import re

import yaml

from catalog.descriptor.builder import sheltered

_BLANK_WITH_TAB = re.compile(r"^(?=.*\t)[ \t]*(?:#.*)?$")
_TAB_PROBLEMS = ("cannot start any token", "violates indentation")
# A tab after a dash, where what follows is text and no block of its own.
_TAB_AFTER_DASH = re.compile(
    r"^( *(?:[-?] +)*[-?]) *\t[ \t]*(?![-?:](?:\s|$))(?!.*:(?:\s|$))(?=\S)"
)
_SURROGATES = re.compile(r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")
_ANCHOR = re.compile(r"&([^\s,\[\]{}]+)")
_EMPTY_KEY = re.compile(r"^( *(?:- +)*):(?=[ \t]|$)")


def repair(text: str, exc: yaml.MarkedYAMLError) -> str | None:
    """The text without the construct that libyaml stumbled over, or None if it is an error.

    Lines of nothing but tabs, tabs after a dash and at the start of a block's text, characters
    written as JSON's pair of escapes, keys of nothing, unknown directives, anchors of any name.

    Args:
        text: The whole document.
        exc: What libyaml says of it.
    """
    mark = exc.problem_mark
    lines = text.split("\n")
    if mark is None or mark.line >= len(lines):
        return None
    problem = str(exc.problem)
    line = lines[mark.line]
    if "alphabetic or numeric" in problem and exc.context_mark is not None:
        changed = _named(line, exc.context_mark.column)
    else:
        changed = _line(line, mark.column, mark.line, problem)
    if changed is None or changed == line:
        return None
    lines[mark.line] = changed
    return "\n".join(lines)


def _line(line: str, column: int, number: int, problem: str) -> str | None:
    if any(words in problem for words in _TAB_PROBLEMS):
        if _BLANK_WITH_TAB.match(line.rstrip("\r")):
            return line.partition("#")[0].replace("\t", " ").rstrip("\r")
        return _TAB_AFTER_DASH.sub(r"\1 ", line)
    if "found a tab character where" in problem and line[:column].isspace() and line.strip():
        return line[:column] + sheltered(line[column]) + line[column + 1 :]
    if "Unicode character escape" in problem:
        return _joined(line, column)
    if "unexpected ':'" in problem:
        return f"{line[: column + 1]} {line[column + 1 :]}"
    if "did not find expected key" in problem or "expected <block end>" in problem:
        return _EMPTY_KEY.sub(r"\1~:", line)
    if "directive" in problem or "incompatible YAML document" in problem:
        return f"%TAG !d{number}! !d" if line.startswith("%") else None
    return None


def _joined(line: str, column: int) -> str | None:
    """The line with a character above U+FFFF in one escape instead of JSON's two."""
    pair = _SURROGATES.search(line, max(0, column - 2))
    if pair is None:
        return None
    high, low = int(pair[1], 16), int(pair[2], 16)
    code = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)
    return f"{line[: pair.start()]}\\U{code:08x}{line[pair.end() :]}"


def _named(line: str, column: int) -> str | None:
    """The line with the anchor that starts here under a name of letters and digits."""
    anchor = _ANCHOR.match(line, column)
    if anchor is None:
        return None
    return f"{line[:column]}&x{anchor[1].encode().hex()}{line[anchor.end() :]}"
