"""Tags of the card's templates."""

from django import template
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from pagerduty_card.card.faults import CardPart, guarded
from pagerduty_card.paging.beside import PagingView, present_failure
from pagerduty_card.paging.cautions import Caution
from pagerduty_card.paging.forms import TriggerForm

register = template.Library()


@register.simple_tag
def card_section(title: str, part: str, template_name: str, **values: object) -> SafeString:
    """Render one section of a service; one that fails says so, and the others stay.

    Args:
        title: Its heading.
        part: Name of its ``CardPart``.
        template_name: Of the section.
        values: What its template prints.
    """
    return guarded(
        CardPart[part],
        lambda: render_to_string(template_name, values),
        lambda failure: render_to_string(
            "pagerduty_card/_failed_section.html", {"title": title, "answer": failure}
        ),
    )


@register.simple_tag
def paging_service(
    view: PagingView, form: TriggerForm | None, outcome: Caution | None, count: int
) -> SafeString:
    """Render what the trigger form says of one service; the form stays where that fails.

    Args:
        view: The service.
        form: The form; None where there is none.
        outcome: What became of the attempt; it is about the service that the form has chosen.
        count: How many services the form is for.
    """
    values = {
        "outcome": outcome,
        "is_alone": count == 1,
        "is_other": bool(outcome and form and view.value != form["service"].value()),
    }
    template = "pagerduty_card/_paging_service.html"
    return guarded(
        CardPart.STATE,
        lambda: render_to_string(template, {"view": view, **values}),
        lambda _: render_to_string(
            template,
            {"view": present_failure(value=view.value, choice=view.choice), **values},
        ),
    )
