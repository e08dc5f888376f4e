"""Descriptors for tests of the rules: a valid one, and any field of it changed."""

import copy

from catalog.descriptor import parse
from catalog.descriptor.writing import dump

BASE = {
    "apiVersion": "backstage.io/v1alpha1",
    "kind": "Component",
    "metadata": {"name": "thing"},
    "spec": {"type": "service", "lifecycle": "production", "owner": "team"},
}
MISSING = object()


def descriptor(path, value, base=BASE):
    data = copy.deepcopy(base)
    *parents, last = path
    block = data
    for key in parents:
        block = block.setdefault(key, {})
    if value is MISSING:
        block.pop(last, None)
    else:
        block[last] = value
    return data


def problems(data):
    (document,) = parse(dump(data))
    return document.problems


def of_kind(kind, spec, version="backstage.io/v1alpha1"):
    return {"apiVersion": version, "kind": kind, "metadata": {"name": "x"}, "spec": spec}


API = {"type": "openapi", "lifecycle": "production", "owner": "o", "definition": "x"}
TEMPLATE = {"type": "service", "steps": [{"action": "a", "if": True, "input": {}}]}
SCAFFOLDER = "scaffolder.backstage.io/v1beta3"
