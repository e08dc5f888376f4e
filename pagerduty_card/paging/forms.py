"""The form that pages somebody, and the key that makes each showing of it page only once."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.core import signing

from catalog.models import Entity
from pagerduty_card.characters import TOO_LONG, invisible_in, is_blank, named, without_invisible
from pagerduty_card.domain import Severity
from pagerduty_card.models import TriggeredIncident
from pagerduty_card.paging.triggering import MAX_DESCRIPTION

_SALT = "pagerduty_card.dedup_key"
MAX_DETAILS = 10_000
_TEXTS = ("description", "details")
_NAMED = 3
_SEVERITIES = {
    Severity.CRITICAL: "Critical: it is down",
    Severity.ERROR: "Error: part of it fails",
    Severity.WARNING: "Warning: it will fail if nobody acts",
    Severity.INFO: "Info",
}


class _Text(forms.CharField):
    """A text area whose length is judged here: a browser would cut a pasted text without a word."""

    def __init__(self, *, rows: int, **options: Any) -> None:
        super().__init__(widget=forms.Textarea(attrs={"rows": rows}), **options)

    def to_python(self, value: Any) -> str | None:
        """Count a line break as one character, as the person who typed it does."""
        text: str | None = super().to_python(value)
        return text.replace("\r\n", "\n") if text else text

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        """Leave ``maxlength`` out."""
        attrs: dict[str, Any] = super().widget_attrs(widget)
        attrs.pop("maxlength", None)
        return attrs


def read_key(token: str) -> dict[str, str]:
    """The ``key``, ``entity``, ``user`` and ``seen`` a form was signed with; empty if forged."""
    try:
        signed = signing.loads(token, salt=_SALT)
    except signing.BadSignature:
        return {}
    if not isinstance(signed, dict):
        return {}
    return {str(name): str(value) for name, value in signed.items()}


class TriggerForm(forms.Form):
    """Page the on-call of one of an entity's services.

    Characters that nobody sees are refused. Nobody can find them to take them out, so the form
    that comes back has the text without them.

    Attributes:
        left_service: The service that was chosen, where the entity names it no more; then the form
            says the entity's only service, or leaves the choice open. Empty: it is still named.

    Args:
        data: What was typed, None for an empty form.
        services: Pairs of value and name; with a single one there is nothing to choose.
        entity: The entity whose page the form belongs to.
        user_pk: Primary key of the person it is shown to.
        new_dedup_key: The key of this showing; replaces one that does not belong here.
    """

    service = forms.ChoiceField(
        label="Service",
        widget=forms.RadioSelect,
        error_messages=dict.fromkeys(["required", "invalid_choice"], "Choose a service to page."),
    )
    description = _Text(
        label="What is wrong?",
        max_length=MAX_DESCRIPTION,
        rows=3,
        help_text="What you see, since when, and what it breaks. It is the incident's title.",
        error_messages={
            "required": "Say what is wrong: it is what the on-call person reads.",
            "max_length": TOO_LONG,
        },
    )
    severity = forms.ChoiceField(
        choices=[(severity.value, text) for severity, text in _SEVERITIES.items()],
        initial=Severity.ERROR.value,
        error_messages=dict.fromkeys(["required", "invalid_choice"], "Choose a severity."),
    )
    details = _Text(
        required=False,
        max_length=MAX_DETAILS,
        rows=3,
        error_messages={"max_length": TOO_LONG},
    )
    key = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        services: Sequence[tuple[str, str]],
        entity: Entity,
        user_pk: object,
        new_dedup_key: str,
    ) -> None:
        self._bound_to = {"entity": entity.ref, "user": str(user_pk)}
        self._new_dedup_key = new_dedup_key
        self._signed = self._read(data.get("key", "")) if data is not None else {}
        super().__init__(data, initial={"key": self._sign()})
        self._invisible = {
            name: found for name in _TEXTS if (found := invisible_in(self.data.get(name, "")))
        }
        for name in self._invisible:
            self._replace(name, without_invisible(self.data[name]))
        if self.is_bound and not self._signed:
            self.renew_key()
        self.left_service = ""
        values = [value for value, _ in services]
        chosen = str(self.data.get("service", ""))
        if self.is_bound and chosen not in values and (chosen or len(values) == 1):
            self.left_service = chosen or "none"
            self._replace("service", values[0] if len(values) == 1 else "")
        choice = self.fields["service"]
        assert isinstance(choice, forms.ChoiceField)  # noqa: S101 - tells the type checker
        choice.choices = list(services)
        if len(services) == 1:
            choice.widget = forms.HiddenInput()
            choice.initial = services[0][0]
        self.fields["description"].widget.attrs["autofocus"] = True

    def renew_key(self, seen: TriggeredIncident | None = None) -> None:
        """Make the next submission of this form an attempt of its own.

        Args:
            seen: The earlier attempt that the form shows; the next one may repeat it.
        """
        self._replace("key", self._sign(seen))

    def clean_description(self) -> str:
        """Refuse what nobody could read."""
        description: str = self.cleaned_data["description"]
        self._refuse_invisible("description")
        if is_blank(description):
            raise forms.ValidationError(self.fields["description"].error_messages["required"])
        return description

    def clean_details(self) -> str:
        """Refuse what nobody could read."""
        self._refuse_invisible("details")
        details: str = self.cleaned_data["details"]
        return details

    def clean(self) -> dict[str, Any]:
        """Refuse a key that was not made for this person and this entity."""
        cleaned = super().clean() or {}
        if not self._signed:
            raise forms.ValidationError(
                "Nothing was sent: this form was not made for you, or not for this page. "
                "It has been renewed; send it again."
            )
        cleaned["dedup_key"] = self._signed["key"]
        cleaned["seen"] = self._signed.get("seen", "")
        return cleaned

    def _refuse_invisible(self, name: str) -> None:
        if found := self._invisible.get(name):
            more = " and others" if len(found) > _NAMED else ""
            raise forms.ValidationError(
                "Nothing was sent: the text had characters that nobody sees, "
                f"{', '.join(map(named, found[:_NAMED]))}{more}. They have been taken out: read "
                "the text once more and send it."
            )

    def _replace(self, name: str, value: str) -> None:
        self.data = dict(self.data.items()) | {name: value}

    def _sign(self, seen: TriggeredIncident | None = None) -> str:
        shown = {"seen": seen.dedup_key} if seen else {}
        return signing.dumps({"key": self._new_dedup_key, **self._bound_to, **shown}, salt=_SALT)

    def _read(self, token: str) -> dict[str, str]:
        signed = read_key(token)
        is_own = all(signed.get(name) == value for name, value in self._bound_to.items())
        return signed if is_own and signed.get("key") else {}
