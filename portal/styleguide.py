"""Sample data of ``/styleguide/``; nothing is read from anywhere."""

import datetime as dt
import re
from pathlib import Path
from typing import Any

from django import forms
from django.contrib.staticfiles import finders
from django.core.paginator import Paginator
from django.utils import timezone

_STATES = (
    ("ALARM", "critical", "state-alarm", "something is triggered"),
    ("WARNING", "warning", "state-warning", "everything open is acknowledged"),
    ("OK", "good", "state-ok", "nothing is open, and PagerDuty said so"),
    ("MAINTENANCE", "info", "state-maintenance", "until 14:00"),
    ("DISABLED", "faint", "state-disabled", "nobody is paged"),
    ("UNKNOWN", "unknown", "state-unknown", "PagerDuty did not answer"),
)
_SEVERITIES = [(word, word.capitalize()) for word in ("critical", "error", "warning", "info")]


class SampleForm(forms.Form):
    """One field of each sort."""

    description = forms.CharField(
        max_length=80,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="What is broken, and for whom. The person on call reads this first.",
    )
    severity = forms.ChoiceField(choices=_SEVERITIES, initial="error")
    urgency = forms.ChoiceField(
        choices=[("high", "High"), ("low", "Low")], widget=forms.RadioSelect, initial="high"
    )
    runbook = forms.URLField(required=False, assume_scheme="https", help_text="Opens beside you.")
    notify = forms.BooleanField(required=False, label="Tell the owners too")


def _icons() -> list[str]:
    sprite = finders.find("img/icons.svg")
    return re.findall(r'symbol id="([^"]+)"', Path(sprite).read_text()) if sprite else []


def context(page: str) -> dict[str, Any]:
    """Build what the style guide shows.

    Args:
        page: Number of the page of the sample list to show, as the query string has it.
    """
    now = timezone.now()
    return {
        "states": _STATES,
        "tones": ("neutral", "good", "warning", "critical", "info", "unknown", "faint"),
        "icons": _icons(),
        "form": SampleForm(),
        "rejected": SampleForm({"rejected-runbook": "no address"}, prefix="rejected"),
        "page_obj": Paginator(range(1, 613), 50).get_page(page or 6),
        "people": ("Ana Lima", "Bo Chen", "Cy Diaz", "Dee Okafor", "Eli Novak", "Fay Singh"),
        "now": now,
        "recent": now - dt.timedelta(seconds=20),
        "earlier": now - dt.timedelta(minutes=12),
        "yesterday": now - dt.timedelta(hours=26),
        "long_ago": now - dt.timedelta(days=400),
        "soon": now + dt.timedelta(hours=2, minutes=3),
        "next_shift": now + dt.timedelta(days=3),
    }
