"""Tags that print links to entities."""

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from catalog.links import EntityLink
from portal.templatetags.ui import badge
from portal.templatetags.ui import icon as draw_icon

register = template.Library()


@register.simple_tag
def entity_link(link: EntityLink | None, *, icon: bool = False) -> SafeString | str:
    """Print a link to an entity's page; an orphan, or one the catalog does not have, is marked.

    Args:
        link: The link, or None to print nothing.
        icon: Whether the kind's icon stands in front.
    """
    if not link:
        return ""
    lead = draw_icon(link.icon) if icon else ""
    if link.url:
        mark = format_html(" {}", badge("orphan", "warning", "warning")) if link.is_orphan else ""
        return format_html(
            '<a href="{}" title="{}" dir="auto">{}{}</a>{}',
            link.url,
            link.ref,
            lead,
            link.text,
            mark,
        )
    return format_html(
        '<span><span title="{}" dir="auto">{}{}</span>'
        ' <span class="faint small">not in the catalog</span>{}</span>',
        link.ref,
        lead,
        link.text,
        meant(link),
    )


@register.simple_tag
def meant(link: EntityLink) -> SafeString | str:
    """Ask whether another entity was meant, where there is a near name."""
    if link.suggestion is None:
        return ""
    return format_html(
        '<span class="small">: did you mean <a href="{}">{}</a>?</span>',
        link.suggestion.url,
        link.suggestion.text,
    )
