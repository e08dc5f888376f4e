"""The form that edits an entity as the YAML its team would write."""

from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction

from catalog.descriptor import Problem, parse
from catalog.descriptor.writing import dump
from catalog.ingestion.sources import without_user
from catalog.local import InvalidDescriptor, save_descriptor
from catalog.masking import (
    MaskedValueError,
    Masker,
    with_annotations_masked,
    with_secrets_restored,
)
from catalog.models import Entity, Location

BLANK_DESCRIPTOR = """apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: my-service
spec:
  type: service
  lifecycle: production
  owner: my-team
"""


class DescriptorForm(forms.ModelForm[Entity]):
    """Edit one descriptor as YAML, by the rules of the import.

    Secret annotations are shown masked; a mask left as it is keeps the stored value. What was
    typed is kept when it is refused, and each error names its line.

    Attributes:
        user: Who edits; set by the admin before the form is used.
    """

    user: User | None = None

    descriptor_text = forms.CharField(
        label="Descriptor",
        strip=False,
        widget=forms.Textarea(
            attrs={"rows": 30, "cols": 100, "spellcheck": "false", "class": "vLargeTextField"}
        ),
        help_text=(
            "YAML, by the same rules as imported files. Keys, tokens, secrets and passwords are "
            "shown masked, as ****last4: leave the mask to keep the value, or write a new one."
        ),
    )

    class Meta:
        model = Entity
        fields: list[str] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Show the stored descriptor, or an example to start from."""
        super().__init__(*args, **kwargs)
        self.fields["descriptor_text"].initial = (
            dump(with_annotations_masked(self.instance)) if self.instance.pk else BLANK_DESCRIPTOR
        )

    def clean_descriptor_text(self) -> str:
        """Check the text by the rules of the import, the masked values put back.

        The whole save is tried and taken back, so that rules which need the database are errors
        of the form as well.
        """
        text = self.cleaned_data["descriptor_text"].replace("\r\n", "\n")
        documents = [document for document in parse(text) if not document.is_empty]
        if problems := [problem for document in documents for problem in document.problems]:
            # Checked as typed first, so that no stored value can be in an error.
            raise ValidationError([_line_of(problem) for problem in problems])
        if len(documents) != 1:
            raise ValidationError(f"Write one document; this text has {len(documents)}.")
        try:
            whole = with_secrets_restored(text, self.instance.annotations)
        except MaskedValueError as exc:
            raise ValidationError(f"Line {exc.line}: {exc}") from exc
        try:
            with transaction.atomic():
                self._save(whole)
                transaction.set_rollback(True)
        except InvalidDescriptor as exc:
            hide = Masker.of(self.instance).text
            raise ValidationError([hide(_line_of(problem)) for problem in exc.problems]) from exc
        return whole

    def _post_clean(self) -> None:
        """Leave the row alone: ``save_descriptor`` writes it."""

    def save(self, commit: bool = True) -> Entity:  # noqa: FBT001, FBT002 -- Django's signature
        """Store the descriptor, whatever ``commit`` says: its tags and relations go with it."""
        del commit
        setattr(self, "save_m2m", lambda: None)  # noqa: B010 -- Django makes it an attribute too
        return self._save(self.cleaned_data["descriptor_text"])

    def _save(self, text: str) -> Entity:
        entity = Entity.objects.get(pk=self.instance.pk) if self.instance.pk else None
        return save_descriptor(text, entity=entity, user=self.user)


class LocationForm(forms.ModelForm[Location]):
    """A place that descriptors are read from."""

    class Meta:
        model = Location
        fields = ["type", "target"]
        help_texts = {
            "target": (
                "For a URL, its http or https address. For a file, folder or glob, its absolute "
                "path on the portal's machine."
            )
        }

    def clean(self) -> dict[str, Any]:
        """Refuse an address for a file, and a path for a URL."""
        cleaned = super().clean() or {}
        target = cleaned.get("target", "")
        is_address = target.startswith(("http://", "https://"))
        if cleaned.get("type") == Location.Type.URL and target and not is_address:
            self.add_error("target", "Write an address that begins with https:// or http://.")
        if cleaned.get("type") == Location.Type.FILE and target and not target.startswith("/"):
            self.add_error("target", "Write an absolute path, beginning with a slash.")
        if is_address and without_user(target) != target:
            self.add_error("target", "Leave user name and password out: readers see the address.")
        return cleaned


def _line_of(problem: Problem) -> str:
    return f"Line {problem.line}: {problem}"
