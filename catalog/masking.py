"""How the secrets of an entity are hidden in its texts, and how a shown one is put back.

Backstage's format keeps some keys in annotations, for example a service's integration key. Whoever
reads a page sees at most the last four characters of such a value, of a field whose name says that
it is secret, of what looks like a secret anywhere else, and of what an app knows to be a secret.
Only the form that edits a local entity shows the last two, to those who may change it: it must
write back what it was given.
"""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from catalog.models import Entity
from catalog.secrets import hide, is_mask, is_secret, is_secret_field, mask, masks_of

_WORD = re.compile(r"(?<![0-9A-Za-z])[0-9A-Za-z]{20,40}(?![0-9A-Za-z])")
_BASE64 = re.compile(r"(?<![0-9A-Za-z+/=])[0-9A-Za-z+/]{27,56}={0,2}(?![0-9A-Za-z+/=])")
_known: list[Callable[[], Collection[str]]] = []


def add_known_secrets(digests: Callable[[], Collection[str]]) -> None:
    """Mask further secrets wherever they stand, in any case and in Base64.

    Args:
        digests: Returns :func:`digest_of` of each; asked once for a text that has a word of 20 to
            40 letters and digits, so it must be quick.
    """
    _known.append(digests)


def digest_of(secret: str) -> str:
    """What a secret is known by, whatever its case."""
    return hashlib.sha256(secret.lower().encode()).hexdigest()[:32]


def _hide_known(text: str) -> str:
    words = {word: word for word in _WORD.findall(text)}
    words |= {word: plain for word in _BASE64.findall(text) if (plain := _decoded(word))}
    if not words:
        return text
    known = {digest for digests in _known for digest in digests()}
    for word, plain in words.items():
        if digest_of(plain) in known:
            text = text.replace(word, mask(plain))
    return text


def words_to_hide(text: str) -> set[str]:
    """The words of a text that may be known secrets, or such in Base64, in lower case."""
    lowered = text.lower()
    return {*_WORD.findall(lowered), *(word.rstrip("=") for word in _BASE64.findall(lowered))}


def _decoded(word: str) -> str:
    """The word of letters and digits that another is the Base64 of; empty where it is of none."""
    bare = word.rstrip("=")
    try:
        plain = base64.b64decode(bare + "=" * (-len(bare) % 4)).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return plain if _WORD.fullmatch(plain) else ""


class MaskedValueError(ValueError):
    """A masked value stands where no such value is stored.

    Attributes:
        line: 1-based line of the value.
        key: The annotation's key.
    """

    def __init__(self, key: str, line: int) -> None:
        """Say which annotation on which line."""
        super().__init__(
            f"The value of {key} is masked and is not the stored one: write it in full."
        )
        self.key = key
        self.line = line


@dataclass(frozen=True, slots=True)
class Masker:
    """Hides the secret annotations of one entity wherever they appear in its texts.

    Attributes:
        masked_by_secret: What to show instead of each secret, see
            :func:`catalog.secrets.masks_of`.
    """

    masked_by_secret: Mapping[str, str]

    @classmethod
    def of(cls, entity: Entity) -> "Masker":
        """Hide this entity's secrets, those that overlays replace included."""
        written = entity.written
        if written is None:
            return cls.of_annotations(entity.annotations)
        before = written["metadata"].get("annotations") or {}
        return cls.of_annotations(entity.annotations, before)

    @classmethod
    def of_annotations(cls, *annotations: Mapping[str, Any]) -> "Masker":
        """Hide the secrets of all of these annotations."""
        return cls(masks_of(*annotations))

    def text(self, text: str) -> str:
        """The text with every secret masked, see :func:`catalog.secrets.hide`, and known ones."""
        return _hide_known(hide(text, self.masked_by_secret))

    def ref(self, ref: str) -> str:
        """A reference whose name may be a secret that was written in the wrong field."""
        head, slash, name = ref.rpartition("/")
        return f"{head}{slash}{self.text(name)}"

    def hides_ref(self, ref: str) -> bool:
        """Whether a reference has a secret for a name, which the value of a form would show."""
        return self.ref(ref) != ref

    def tree(self, value: Any) -> Any:
        """A copy of lists, maps and texts with every secret masked."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(str(key)): self._field(str(key), item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.tree(item) for item in value]
        return value

    def _field(self, name: str, value: Any) -> Any:
        is_filled_in_later = isinstance(value, str) and value.startswith(("${", "{{"))
        if isinstance(value, str) and is_secret_field(name) and not is_filled_in_later:
            return mask(value) if value else value
        return self.tree(value)

    def descriptor(self, entity: Entity) -> dict[str, Any]:
        """The entity's descriptor with its secret annotations masked, and copies of them too."""
        shown: dict[str, Any] = self.tree(entity.descriptor)
        return _with_annotations_masked(shown, entity.annotations)


# For texts of which no entity's own secrets are known: hides those known by form, and known keys.
DEFAULT_MASKER = Masker({})


def with_annotations_masked(written: dict[str, Any]) -> dict[str, Any]:
    """The descriptor with nothing changed but the values of secret annotations."""
    return _with_annotations_masked(written, written["metadata"].get("annotations") or {})


def _with_annotations_masked(
    descriptor: dict[str, Any], stored: Mapping[str, Any]
) -> dict[str, Any]:
    if not stored:
        return descriptor
    metadata = descriptor["metadata"]
    masked = {
        key: mask(str(value)) if is_secret(key) and value else value
        for key, value in (metadata.get("annotations") or {}).items()
    }
    # A masked annotation is masked from its stored value, not from a masked copy of it.
    masked |= {key: mask(str(value)) for key, value in stored.items() if is_secret(key) and value}
    return {**descriptor, "metadata": {**metadata, "annotations": masked}}


def with_secrets_restored(text: str, stored: Mapping[str, str]) -> str:
    """Put the stored values back where a descriptor still has their masks.

    The text keeps its lines, so that the lines of later errors are those of the form.

    Args:
        text: YAML as edited; text that is no YAML map is returned as it is, for the parser to
            refuse.
        stored: The annotations as stored; empty for a new entity.

    Raises:
        MaskedValueError: A secret annotation holds a mask that is not the stored value's.
    """
    for node, key in reversed(_secret_values(text)):
        if not is_mask(node.value):
            continue
        value = stored.get(key, "")
        if not value or node.value != mask(value):
            raise MaskedValueError(key, node.start_mark.line + 1)
        start, end = node.start_mark.index, node.end_mark.index
        text = f"{text[:start]}{json.dumps(value)}{text[end:]}"
    return text


def _secret_values(text: str) -> list[tuple[yaml.ScalarNode, str]]:
    """The value nodes of secret annotations with their keys, in the order of the text."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError, ValueError):
        return []
    annotations = _child(_child(root, "metadata"), "annotations")
    if not isinstance(annotations, yaml.MappingNode):
        return []
    found = [
        (value, key.value)
        for key, value in annotations.value
        if isinstance(key, yaml.ScalarNode)
        and isinstance(value, yaml.ScalarNode)
        and is_secret(key.value)
    ]
    return sorted(found, key=lambda pair: pair[0].start_mark.index)


def _child(node: yaml.Node | None, name: str) -> yaml.Node | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for key, value in node.value if key.value == name), None)
