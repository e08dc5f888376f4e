"""Descriptions as HTML: CommonMark through markdown-it-py, then nh3, which has the last word.

What a file says reaches pages of people with more rights than its author, so HTML in a description
is text, links lead to http, https and mail addresses alone, and pictures are links: a page loads
nothing from elsewhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import nh3
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from catalog.links import outside_url

MAX_LENGTH = 20_000
LEAD_LENGTH = 600
_TAGS = {
    *("p", "br", "hr", "h3", "ul", "ol", "li", "blockquote", "pre", "code", "em", "strong", "s"),
    *("a", "table", "thead", "tbody", "tr", "th", "td"),
}
_ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A description, made ready to print.

    Attributes:
        first: Its first paragraph as plain text: what a header has room for.
        lead: What is shown at once.
        rest: What is shown on demand; empty for a short description.
        left_out: How many characters are too many to be shown at all.
        is_plain: It says no more than ``first``.
    """

    first: str
    lead: SafeString
    rest: SafeString
    left_out: int = 0
    is_plain: bool = False


class _Renderer(RendererHTML):
    """Prints headings below the page's own, and pictures as links."""

    def image(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        """A link to the picture under its description; the description alone within a link."""
        token = tokens[idx]
        text = self.renderInlineAsText(token.children, options, env) or "picture"
        address = outside_url(str(token.attrGet("src") or ""))
        opened = sum(
            {"link_open": 1, "link_close": -1}.get(before.type, 0) for before in tokens[:idx]
        )
        if not address or opened:
            return escape(text)
        return format_html('<a href="{}">{}</a>', address, text)


_markdown = MarkdownIt("commonmark", {"html": False}, renderer_cls=_Renderer).enable(
    ["table", "strikethrough"]
)


def render(text: str) -> Text:
    """Make a description ready to print.

    Args:
        text: Markdown with its secrets already masked; beyond 20,000 characters it is not read.
    """
    text = text.strip()
    shown = text[:MAX_LENGTH]
    env: dict[str, Any] = {}
    tokens = _markdown.parse(shown, env)
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = "h3"
    end = _end_of_lead(tokens)
    first = _first_paragraph(tokens)
    return Text(
        first=first,
        lead=_html(tokens[:end], env),
        rest=_html(tokens[end:], env),
        left_out=len(text) - len(shown),
        is_plain=first == text,
    )


def _end_of_lead(tokens: Sequence[Token]) -> int:
    """The end of the block with which the lead is long enough; nothing short is left over."""
    length, end = 0, 0
    for number, token in enumerate(tokens, start=1):
        length += len(token.content)
        if token.level == 0 and token.nesting <= 0:
            if length > LEAD_LENGTH:
                # One block that is very long by itself is folded too.
                return end if length > 3 * LEAD_LENGTH else number
            end = number
    return end


def _first_paragraph(tokens: Sequence[Token]) -> str:
    for token in tokens:
        if token.type == "inline" and token.children:
            plain = _markdown.renderer.renderInlineAsText(  # type: ignore[attr-defined]  # its protocol lacks it
                token.children, _markdown.options, {}
            )
            return " ".join(str(plain).split())
    return ""


def _html(tokens: Sequence[Token], env: EnvType) -> SafeString:
    raw = _markdown.renderer.render(tokens, _markdown.options, env)
    clean = nh3.clean(
        str(raw),
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        attribute_filter=_allowed,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer",
    )
    return mark_safe(clean.strip())  # noqa: S308 -- cleaned by nh3 in the line above


def _allowed(tag: str, attribute: str, value: str) -> str | None:
    """The value of an attribute; None takes it away: an address within nowhere is no link."""
    if tag == "a" and attribute == "href":
        return outside_url(value) or None
    return value
