import pytest

from catalog.descriptor import parse
from catalog.descriptor.relations import INVERSE
from catalog.descriptor.writing import dump


def relations(kind, spec, namespace="default", **envelope):
    data = {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": kind,
        "metadata": {"name": "x", "namespace": namespace},
        "spec": spec,
        **envelope,
    }
    (document,) = parse(dump(data))
    assert not document.problems
    return [(relation.type, relation.target) for relation in document.relations]


COMPONENT = {"type": "service", "lifecycle": "production", "owner": "Team-A"}


@pytest.mark.parametrize(
    ("kind", "spec", "expected"),
    [
        (
            "Component",
            {
                **COMPONENT,
                "system": "s",
                "subcomponentOf": "c",
                "providesApis": ["a"],
                "consumesApis": ["other/b"],
                "dependsOn": ["resource:db", "component:default/c"],
                "dependencyOf": ["component:up"],
            },
            [
                ("ownedBy", "group:default/team-a"),
                ("partOf", "system:default/s"),
                ("partOf", "component:default/c"),
                ("providesApi", "api:default/a"),
                ("consumesApi", "api:other/b"),
                ("dependsOn", "resource:default/db"),
                ("dependsOn", "component:default/c"),
                ("dependencyOf", "component:default/up"),
            ],
        ),
        (
            "API",
            {**COMPONENT, "definition": "x", "system": "s", "owner": "user:jo"},
            [("ownedBy", "user:default/jo"), ("partOf", "system:default/s")],
        ),
        (
            "Resource",
            {"type": "db", "owner": "t", "dependencyOf": "component:a"},
            [("ownedBy", "group:default/t"), ("dependencyOf", "component:default/a")],
        ),
        (
            "System",
            {"owner": "t", "domain": "d"},
            [("ownedBy", "group:default/t"), ("partOf", "domain:default/d")],
        ),
        (
            "Domain",
            {"owner": "t", "subdomainOf": "d"},
            [("ownedBy", "group:default/t"), ("partOf", "domain:default/d")],
        ),
        (
            "Group",
            {"type": "team", "parent": "p", "children": ["c"], "members": ["u"]},
            [
                ("childOf", "group:default/p"),
                ("parentOf", "group:default/c"),
                ("hasMember", "user:default/u"),
            ],
        ),
        ("User", {"memberOf": ["g", "G"]}, [("memberOf", "group:default/g")]),
        ("Location", {"target": "./x"}, []),
        (
            "AiResource",
            {"type": "skill", "lifecycle": "p", "owner": "t", "dependsOn": ["airesource:x"]},
            [("ownedBy", "group:default/t"), ("dependsOn", "airesource:default/x")],
        ),
    ],
)
def test_reads_the_relations_of_each_kind(kind, spec, expected):
    assert relations(kind, spec) == expected


def test_a_templates_owner_is_a_relation():
    found = relations(
        "Template",
        {"type": "x", "steps": [], "owner": "t"},
        apiVersion="scaffolder.backstage.io/v1beta3",
    )
    assert found == [("ownedBy", "group:default/t")]


def test_references_default_to_the_namespace_of_the_entity():
    found = relations("Component", {**COMPONENT, "owner": "user:jo"}, namespace="other")
    assert found == [("ownedBy", "user:other/jo")]


def test_every_type_has_an_inverse_that_leads_back():
    assert all(INVERSE[INVERSE[name]] == name for name in INVERSE)
    assert len(INVERSE) == 14
