"""JSON values to YAML text that this package reads back unchanged. Pure."""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from catalog.descriptor.scalars import resolve

_TAG = "tag:yaml.org,2002:"
_NAMES = {type(None): "null", bool: "bool", int: "int", float: "float", str: "str"}
_WIDTH = 100
# Line breaks to libyaml, plain characters to YAML 1.2: only an escape is the same to both.
_OTHER_BREAKS = re.compile("[\x85\u2028\u2029]")


def dump(descriptor: Any) -> str:
    """Write one document, keys in their order, multi-line text as blocks.

    Text that any YAML reader might take for something else (``no``, ``1.0``, a date) is quoted.

    Args:
        descriptor: JSON values.

    Returns:
        The document without a marker, a line break at its end.
    """
    return str(
        yaml.dump(
            descriptor,
            Dumper=_Dumper,
            sort_keys=False,
            allow_unicode=True,
            default_flow_style=False,
            width=_WIDTH,
        )
    )


def portable(descriptor: Mapping[str, Any]) -> dict[str, Any]:
    """The descriptor as it may be imported elsewhere: a Location without its targets.

    What they lead to is exported itself, and is not to be found where they say. Files that need
    not be there do no harm.
    """
    spec = descriptor.get("spec")
    if descriptor.get("kind") != "Location" or not isinstance(spec, dict):
        return dict(descriptor)
    targets = [spec.get("target", ""), *spec.get("targets", [])]
    if spec.get("presence") == "optional" and not any("://" in target for target in targets):
        return dict(descriptor)
    kept = {key: value for key, value in spec.items() if key not in ("target", "targets")}
    return {**descriptor, "spec": kept}


class _Dumper(yaml.CSafeDumper):
    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the base class names it
        return True

    def resolve(self, kind: Any, value: Any, implicit: Any) -> str:
        if kind is yaml.ScalarNode and implicit[0]:
            name = _NAMES[type(resolve(value, None))]
            if name != "str":
                return _TAG + name
        return str(super().resolve(kind, value, implicit))  # type: ignore[no-untyped-call]  # not annotated upstream


def _text(dumper: yaml.CSafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    if _OTHER_BREAKS.search(value):
        style = '"'
    return dumper.represent_scalar(f"{_TAG}str", value, style=style)


_Dumper.add_representer(str, _text)
