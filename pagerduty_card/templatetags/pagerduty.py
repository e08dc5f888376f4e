"""Tags of the card's templates."""

from django import template
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from pagerduty_card.card.faults import guarded

register = template.Library()


@register.simple_tag
def card_section(title: str, part: str, template_name: str, **values: object) -> SafeString:
    """Render one section of a service; one that fails says so, and the others stay.

    Args:
        title: Its heading.
        part: What the failure calls it, as in "couldn't show the changes".
        template_name: Of the section.
        values: What its template prints.
    """
    return guarded(
        part,
        lambda: render_to_string(template_name, values),
        lambda failure: render_to_string(
            "pagerduty_card/_failed_section.html", {"title": title, "answer": failure}
        ),
    )
