"""Descriptors: YAML text to valid documents. Pure: no database, no Django, no network."""

from catalog.descriptor.documents import (
    Document,
    PassedOver,
    Problem,
    Sort,
    descriptors_of,
    iter_parse,
    parse,
)
from catalog.descriptor.filling import PlaceholderError, Resolve
from catalog.descriptor.yaml import (
    DEFAULT_LIMITS,
    DocumentTooLongError,
    Limits,
    YamlError,
    decode,
)

__all__ = [
    "DEFAULT_LIMITS",
    "Document",
    "DocumentTooLongError",
    "Limits",
    "PassedOver",
    "PlaceholderError",
    "Problem",
    "Resolve",
    "Sort",
    "YamlError",
    "decode",
    "descriptors_of",
    "iter_parse",
    "parse",
]
