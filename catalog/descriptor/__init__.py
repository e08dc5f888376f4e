"""Descriptors: YAML text to valid documents. Pure: no database, no Django, no network."""

from catalog.descriptor.documents import (
    Document,
    PlaceholderError,
    Problem,
    Resolve,
    iter_parse,
    parse,
)
from catalog.descriptor.yaml import DEFAULT_LIMITS, Limits, YamlError, decode

__all__ = [
    "DEFAULT_LIMITS",
    "Document",
    "Limits",
    "PlaceholderError",
    "Problem",
    "Resolve",
    "YamlError",
    "decode",
    "iter_parse",
    "parse",
]
