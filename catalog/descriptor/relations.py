"""Which fields of a descriptor are relations, and what the other end calls them. Pure.

Source: https://backstage.io/docs/features/software-catalog/well-known-relations
"""

_PAIRS = (
    ("ownedBy", "ownerOf"),
    ("partOf", "hasPart"),
    ("providesApi", "apiProvidedBy"),
    ("consumesApi", "apiConsumedBy"),
    ("dependsOn", "dependencyOf"),
    ("childOf", "parentOf"),
    ("hasMember", "memberOf"),
)
INVERSE: dict[str, str] = {a: b for pair in _PAIRS for a, b in (pair, pair[::-1])}
