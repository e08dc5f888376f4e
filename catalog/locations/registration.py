"""The form that registers a location, and its rules."""

import glob
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, PermissionsMixin
from django.core.exceptions import ValidationError

from catalog.ingestion.allow import Allowance
from catalog.ingestion.repositories import raw_address
from catalog.ingestion.sources import is_url, root_of
from catalog.ingestion.spellings import hint_of_missing, refusal, understood, without_user
from catalog.kinds import Kind

MAX_TARGET = 1000
Person = AbstractBaseUser | PermissionsMixin | AnonymousUser


class RegisterForm(forms.Form):
    """A target, and which kinds its documents may have.

    Attributes:
        may_choose_kinds: Whether the person decides about the kinds; else the setting does.
    """

    target = forms.CharField(
        label="Address",
        max_length=MAX_TARGET,
        help_text="The address of a catalog file, or the page of its repository. A path on the "
        "portal's own disk works too, where CATALOG_READING_ALLOW lists its folder.",
        widget=forms.TextInput(
            attrs={
                "autocomplete": "off",
                "spellcheck": "false",
                "placeholder": "https://github.com/example/service/blob/main/catalog-info.yaml",
            }
        ),
    )
    kinds = forms.MultipleChoiceField(
        label="Kinds its documents may have",
        choices=Kind.choices,
        widget=forms.CheckboxSelectMultiple,
        help_text="Documents of other kinds are refused. Whoever can define groups and people "
        "here can make anybody a member of any team.",
    )

    def __init__(self, *args: Any, may_choose_kinds: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.may_choose_kinds = may_choose_kinds
        self.fields["kinds"].initial = registered_kinds()
        if not may_choose_kinds:
            del self.fields["kinds"]

    def clean_target(self) -> str:
        """The address of the file itself, or an absolute path that may be read."""
        return readable_target(str(self.cleaned_data["target"]))

    @property
    def allowed_kinds(self) -> list[str]:
        """The kinds that a valid form allows; empty: all."""
        if not self.may_choose_kinds:
            return registered_kinds()
        kinds: list[str] = self.cleaned_data["kinds"]
        return [] if set(kinds) == set(Kind.values) else kinds


def readable_target(text: str) -> str:
    """The address of the file itself, or an absolute path that may be read.

    Raises:
        ValidationError: It is neither, or it may not be registered; the message says why.
    """
    text = understood(text)
    if why := refusal(text) or (not is_url(text) and text[:1] != "/" and _hint(text)):
        raise ValidationError(f"This {why[0]}: {why[1]}.")
    try:
        if is_url(text):
            urlsplit(text)
            if without_user(text) != text:
                raise ValidationError("Leave user name and password out: readers see the address.")
            return raw_address(text, Allowance.from_settings().software)
    except ValueError as exc:
        raise ValidationError("This is not an address.") from exc
    return _readable_path(text)


def _hint(text: str) -> tuple[str, str] | None:
    hint = hint_of_missing(text)
    return ("is no path from the root", hint) if hint else None


def registered_kinds() -> list[str]:
    """``CATALOG_REGISTERED_KINDS``, spelt as in descriptors; without those that do not exist."""
    named = {kind.strip() for kind in settings.CATALOG_REGISTERED_KINDS}
    # An empty list would allow every kind: then rather the fewest.
    return [kind for kind in Kind.values if kind in named] or [Kind.COMPONENT.value]


def _readable_path(text: str) -> str:
    folders = Allowance.from_settings().folders
    if "\x00" in text or not text.startswith("/"):
        raise ValidationError(
            "This is neither an address nor a path from the root: begin with https:// or /."
        )
    if not folders:
        raise ValidationError(
            "Paths are not read here: CATALOG_READING_ALLOW lists no folder. Use the file's "
            "address, or ask an administrator to list its folder."
        )
    path = Path(root_of(text).target)
    fixed = next((p for p in (path, *path.parents) if not glob.has_magic(str(p))), path)
    try:
        resolved = fixed.resolve()
    except (OSError, RuntimeError) as exc:
        raise ValidationError("This path cannot be followed.") from exc
    if not any(resolved.is_relative_to(folder) for folder in folders):
        raise ValidationError(
            "This path lies outside the folders that CATALOG_READING_ALLOW lists. Use the file's "
            "address, or ask an administrator to list its folder."
        )
    return str(path)
