"""The forms of the admin: a descriptor as YAML, what lies over a file, a location."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction

from catalog.descriptor import Problem, parse
from catalog.descriptor.relations import MAX_REF_LENGTH
from catalog.descriptor.writing import dump
from catalog.editing import overlays
from catalog.editing.local import InvalidDescriptor, save_descriptor
from catalog.ingestion.sources import root_of
from catalog.kinds import Kind
from catalog.locations.registration import readable_target, registered_kinds
from catalog.masking import MaskedValueError, Masker, with_annotations_masked, with_secrets_restored
from catalog.models import Entity, Location, Overlay
from catalog.secrets import is_mask, is_secret, mask

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
            dump(with_annotations_masked(self.instance.as_written))
            if self.instance.pk
            else BLANK_DESCRIPTOR
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
            written = self.instance.as_written if self.instance.pk else {"metadata": {}}
            stored = written["metadata"].get("annotations") or {}
            whole = with_secrets_restored(text, stored)
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


class OverlayForm(forms.ModelForm[Entity]):
    """What lies over an entity that a file rules; annotations and links come as rows beside it.

    Attributes:
        user: Who edits; set by the admin before the form is used.
    """

    user: User | None = None

    overlay_owner = forms.CharField(
        label="Owner",
        required=False,
        max_length=MAX_REF_LENGTH,
        help_text="[kind:][namespace/]name; a group unless it says otherwise. "
        "Leave it empty to keep the file's.",
    )

    class Meta:
        model = Entity
        fields: list[str] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Show the owner that lies over the file's, if one does, and the file's own, masked."""
        super().__init__(*args, **kwargs)
        self._masker = Masker.of(self.instance)
        row = Overlay.objects.filter(entity_id=self.instance.ref, field=Overlay.Field.OWNER).first()
        self._stored_owner = row.value if row else ""
        owner = self.fields["overlay_owner"]
        owner.initial = self._masker.ref(self._stored_owner)
        written = self.instance.as_written["spec"].get("owner")
        if isinstance(written, str) and written:
            owner.help_text = f"{owner.help_text} The file says {self._masker.ref(written)}."
        if not overlays.may_have_owner(self.instance.kind):
            owner.disabled = True
            owner.help_text = f"A {self.instance.kind} has no owner."

    def clean_overlay_owner(self) -> str:
        """Check the reference by the rules of the import; one that is left as shown stays."""
        text: str = self.cleaned_data["overlay_owner"]
        if not text:
            return text
        if "overlay_owner" not in self.changed_data:
            return self._stored_owner
        value = overlays.Value(field=Overlay.Field.OWNER, key="", value=text)
        if found := overlays.breaches(self.instance, [value]):
            hide = self._masker.text
            raise ValidationError([hide(overlays.breach_text(breach)) for breach in found])
        return text

    def _post_clean(self) -> None:
        """Leave the row alone: ``replace_overlays`` writes it."""

    def save(self, commit: bool = True) -> Entity:  # noqa: FBT001, FBT002 -- Django's signature
        """Store nothing yet: the rows beside it belong to the same change."""
        del commit
        setattr(self, "save_m2m", lambda: None)  # noqa: B010 -- Django makes it an attribute too
        return self.instance

    def save_overlays(self, rows: Sequence["OverlayRowForm"]) -> bool:
        """Store the owner and the rows as one change; what others added meanwhile stays.

        Returns:
            Whether anything changed.

        Raises:
            InvalidOverlay: The file changed meanwhile, and they do not fit over it any more.
        """
        own = {(one.field, one.key): one for one in overlays.values_of(self.instance)}
        if "overlay_owner" in self.changed_data:
            own.pop((Overlay.Field.OWNER, ""), None)
            if text := self.cleaned_data["overlay_owner"]:
                own[Overlay.Field.OWNER, ""] = overlays.Value(
                    field=Overlay.Field.OWNER, key="", value=text
                )
        for row in rows:
            if row.instance.pk:
                own.pop((row.instance.field, row.instance.key), None)
        for row in rows:
            if row.is_kept and (value := row.as_value()):
                own[value.field, value.key] = value
        return overlays.replace_overlays(self.instance, list(own.values()), user=self.user)


class OverlayRowForm(forms.ModelForm[Overlay]):
    """One annotation or link that lies over an entity's file.

    Attributes:
        field_of_rows: What the rows are.
    """

    field_of_rows: Overlay.Field

    class Meta:
        model = Overlay
        fields = ["key", "value"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Show a secret masked, and copies of it."""
        super().__init__(*args, **kwargs)
        self.fields["key"].required = True
        if self.instance.pk:
            hide = overlays.maskers_of([self.instance])[self.instance.pk].text
            self.initial["key"] = hide(self.instance.key)
            self.initial["value"] = hide(self.instance.value)
        if self._is_secret(self.instance.key) and self.instance.value:
            self.initial["value"] = mask(self.instance.value)

    def _is_secret(self, key: str) -> bool:
        return self.field_of_rows == Overlay.Field.ANNOTATION and is_secret(key)

    @property
    def is_kept(self) -> bool:
        """Whether the row stays: it is filled in and not marked to go."""
        return bool(self.cleaned_data.get("key")) and not self.cleaned_data.get("DELETE")

    def as_value(self) -> overlays.Value:
        """What the row lays over the file."""
        return overlays.Value(
            field=self.field_of_rows,
            key=self.cleaned_data["key"],
            value=self.cleaned_data.get("value", ""),
        )

    def clean(self) -> dict[str, Any]:
        """Put a masked value back, then check by the rules of the import."""
        cleaned = super().clean() or {}
        if self.instance.pk and "key" not in self.changed_data:
            # What is left as it was shown stays as it is; a mask tells nothing to another key.
            cleaned["key"] = self.instance.key
            if "value" not in self.changed_data:
                cleaned["value"] = self.instance.value
        key, value = cleaned.get("key", ""), cleaned.get("value", "")
        if not key or cleaned.get("DELETE"):
            return cleaned
        if self._is_secret(key) and is_mask(value):
            stored = self.instance.value if self.instance.key == key else ""
            if not stored or value != mask(stored):
                self.add_error("value", str(MaskedValueError(key, 1)))
                return cleaned
            cleaned["value"] = stored
        for breach in overlays.breaches(self._entity(), [self.as_value()]):
            place = "value" if breach.path[-1] == "title" else "key"
            self.add_error(place, Masker.of(self._entity()).text(overlays.breach_text(breach)))
        return cleaned

    def _entity(self) -> Entity:
        """The entity of the page, not a row's own reading of it."""
        entity: Entity = self.fields["entity"].parent_instance  # type: ignore[attr-defined]  # an inline's own field
        return entity

    def _post_clean(self) -> None:
        """Leave the row alone: ``replace_overlays`` writes it."""


class AnnotationRowForm(OverlayRowForm):
    """An annotation over the file."""

    field_of_rows = Overlay.Field.ANNOTATION
    key = forms.CharField(
        label="Key",
        max_length=320,
        help_text="For example pagerduty.com/service-id.",
        widget=forms.TextInput(attrs={"class": "vTextField", "spellcheck": "false"}),
    )
    value = forms.CharField(
        label="Value",
        required=False,
        widget=forms.TextInput(attrs={"class": "vTextField", "spellcheck": "false"}),
    )


class LinkRowForm(OverlayRowForm):
    """A link over the file, or the title of one that the file has."""

    field_of_rows = Overlay.Field.LINK
    key = forms.CharField(
        label="URL",
        max_length=1000,
        help_text="A complete address.",
        widget=forms.TextInput(
            attrs={"class": "vTextField", "inputmode": "url", "spellcheck": "false"}
        ),
    )
    value = forms.CharField(
        label="Title",
        required=False,
        max_length=500,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )


class OverlayRows(forms.BaseInlineFormSet[Overlay, Entity, OverlayRowForm]):
    """The annotations, or the links, over one file."""

    def clean(self) -> None:
        """Refuse two rows of one key; keys of annotations differ in more than their case."""
        seen: dict[str, str] = {}
        for form in self.forms:
            cleaned = getattr(form, "cleaned_data", {})
            key = cleaned.get("key", "")
            if not key or cleaned.get("DELETE"):
                continue
            folded = key.lower() if form.field_of_rows == Overlay.Field.ANNOTATION else key
            if folded in seen:
                form.add_error("key", f"{seen[folded]} is in another row: keep one of them.")
            seen.setdefault(folded, key)


class LocationForm(forms.ModelForm[Location]):
    """A place that descriptors are read from, by the rules of the register page.

    Attributes:
        may_choose_kinds: Whether the person decides about the kinds; else the setting does.
    """

    may_choose_kinds = True

    allowed_kinds = forms.MultipleChoiceField(
        label="Kinds",
        choices=Kind,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="What its files may define; none ticked: every kind. Tick Location too if they "
        "lead to further files.",
    )

    class Meta:
        model = Location
        fields = ["type", "target", "allowed_kinds"]
        help_texts = {
            "target": (
                "For a URL, its http or https address. For a file, folder or glob, its absolute "
                "path on the portal's machine; its folder is one that CATALOG_READING_ALLOW lists."
            )
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Begin with the kinds that a registered location may define."""
        super().__init__(*args, **kwargs)
        if not self.instance.pk:
            kinds = self.fields["allowed_kinds"]
            kinds.initial = registered_kinds()
            if not self.may_choose_kinds:
                kinds.disabled = True
                kinds.help_text = "What a location may define that you add."

    def clean(self) -> dict[str, Any]:
        """Refuse an address for a file, a path for a URL, and what may not be registered."""
        cleaned = super().clean() or {}
        target = cleaned.get("target", "")
        is_address = target.startswith(("http://", "https://"))
        if cleaned.get("type") == Location.Type.URL and target and not is_address:
            self.add_error("target", "Write an address that begins with https:// or http://.")
        if cleaned.get("type") == Location.Type.FILE and target and not target.startswith("/"):
            self.add_error("target", "Write an absolute path, beginning with a slash.")
        if target and not self.errors:
            try:
                cleaned["target"] = root_of(readable_target(target)).target
            except ValidationError as exc:
                self.add_error("target", exc)
        return cleaned


def _line_of(problem: Problem) -> str:
    return f"Line {problem.line}: {problem}"
