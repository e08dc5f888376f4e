import pytest

from catalog.descriptor import PlaceholderError, parse
from catalog.descriptor.writing import dump
from tests.catalog.descriptors import API, BASE, SCAFFOLDER, TEMPLATE, descriptor, of_kind, problems


def test_refuses_keys_that_differ_only_in_case():
    found = problems(descriptor(("metadata", "annotations"), {"a/Key": "1", "a/key": "2"}))
    assert "differ only in case" in found[0].message


@pytest.mark.parametrize("text", ["just text", "- a\n- b\n", "42"])
def test_refuses_a_document_that_is_no_block_of_keys(text):
    (document,) = parse(text)
    assert "apiVersion" in document.problems[0].hint
    assert document.ref is None


def test_says_every_error_of_a_document_at_once_with_its_place():
    text = """\
# a comment
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: checkout api
  labels:
    tier: 1
  tags:
  annotations:
    pagerduty.com/service-id: 12
owners: team
spec:
  type: service
  owner: team-a
  lifecyle: production
  dependsOn:
    - component:ok
    - orders-db
"""
    (document,) = parse(text)
    assert [(p.line, p.column, p.path) for p in document.problems] == [
        (5, 9, "metadata.name"),
        (7, 11, "metadata.labels.tier"),
        (8, 3, "metadata.tags"),
        (10, 31, 'metadata.annotations["pagerduty.com/service-id"]'),
        (11, 9, "owners"),
        (12, 1, "spec.lifecycle"),
        (18, 7, "spec.dependsOn[1]"),
    ]
    hints = [p.hint for p in document.problems]
    assert hints[0].startswith("write checkout-api")
    assert hints[1] == 'write "1"'
    assert "delete the line" in hints[2]
    assert hints[3] == 'write "12"'
    assert "lifecyle" in hints[5]
    assert hints[6] == "write component:orders-db or resource:orders-db"
    assert str(document.ref) == "component:default/checkout api"
    assert not document.relations


@pytest.mark.parametrize(
    ("data", "hint"),
    [
        (descriptor(("kind",), "component"), "did you mean Component? Upper and lower case count"),
        (descriptor(("kind",), "Componnent"), "did you mean Component?"),
        (descriptor(("kind",), "Service"), "use one of these kinds"),
        (descriptor(("apiVersion",), "backstage.io/v1"), "write apiVersion: backstage.io/v1alpha1"),
        (descriptor(("metdata",), {}), "indent metdata below"),
        (descriptor(("tags",), []), "indent tags below metadata"),
        (descriptor(("relations",), []), "computes it"),
        (descriptor(("metadata", "tags"), ["Java"]), "write java"),
        (descriptor(("metadata", "namespace"), "My.Team"), "write my-team"),
        (descriptor(("metadata", "tags"), ["My Tag"]), "write my-tag"),
        (descriptor(("metadata", "tags"), ["spring_boot"]), "write spring-boot"),
        (descriptor(("metadata", "name"), "my_service-"), "write my_service"),
        (descriptor(("metadata", "name"), "a/b"), "write a-b"),
        (descriptor(("metadata", "name"), "x" * 70), f"write {'x' * 63}"),
        (descriptor(("metadata", "labels"), {"a": "b c"}), "write b-c, or put it into annotations"),
        (descriptor(("metadata", "annotations"), {"Foo.com/x y": "1"}), "write foo.com/x-y"),
        (descriptor(("metadata", "name"), "${{ values.name }}"), "template"),
        (descriptor(("metadata", "links"), [{"title": "x"}]), "add 'url:' to this item of links"),
        (descriptor(("spec",), []), "without '- '"),
        (of_kind("Template", {"type": "x", "steps": {"a": 1}}, SCAFFOLDER), "start each item with"),
        (of_kind("Template", TEMPLATE, "backstage.io/v1beta2"), f"write apiVersion: {SCAFFOLDER}"),
        (of_kind("Group", {"type": "team"}), "children: []"),
        (of_kind("User", {}), "memberOf: []"),
        (of_kind("API", {**API, "definition": {"a": 1}}), "definition: |"),
        (descriptor(("spec", "dependsOn"), "component:a"), "- component:a"),
    ],
)
def test_hints_at_the_usual_mistakes(data, hint):
    assert any(hint in problem.hint for problem in problems(data)), problems(data)


def test_warns_of_a_key_that_looks_misspelt_and_takes_the_document():
    (document,) = parse(dump(descriptor(("spec", "dependsOnn"), ["component:a"])))
    assert document.is_valid
    (warning,) = document.warnings
    assert warning.path == "spec.dependsOnn"
    assert warning.hint == "did you mean dependsOn?"


@pytest.mark.parametrize(
    ("parent", "written", "meant"),
    [
        ("spec", "dependson", "dependsOn"),
        ("spec", "providesApi", "providesApis"),
        ("spec", "sytem", "system"),
        ("metadata", "anotations", "annotations"),
        ("metadata", "Tags", "tags"),
    ],
)
def test_warns_of_misspelt_fields(parent, written, meant):
    (document,) = parse(dump(descriptor((parent, written), ["x"])))
    assert document.is_valid
    assert [(w.path, w.hint) for w in document.warnings] == [
        (f"{parent}.{written}", f"did you mean {meant}?")
    ]


def test_a_required_field_that_is_misspelt_is_one_error_and_no_warning():
    data = descriptor(("spec", "lifecycle"), "x")
    data["spec"]["lifecyle"] = data["spec"].pop("lifecycle")
    (document,) = parse(dump(data))
    (problem,) = document.problems
    assert (problem.path, problem.hint) == (
        "spec.lifecycle",
        "did you mean lifecycle where lifecyle is written?",
    )
    assert document.warnings == ()


def test_a_kind_in_the_wrong_case_hides_no_other_error():
    data = descriptor(("kind",), "component")
    del data["spec"]["owner"]
    assert [problem.path for problem in problems(data)] == ["kind", "spec.owner"]


@pytest.mark.parametrize("target", [1, None, ["./a"], {"a": "b"}])
def test_refuses_a_placeholder_that_names_no_file(target):
    found = problems(of_kind("API", {**API, "definition": {"$text": target}}))
    assert "spec.definition.$text" in [problem.path for problem in found]


@pytest.mark.parametrize("path", [("kind",), ("apiVersion",), ("metadata", "name")])
def test_no_other_file_says_which_entity_it_is(path):
    (document,) = parse(dump(descriptor(path, {"$text": "./x"})), resolve=lambda *_: "thing")
    assert not document.is_valid
    assert document.ref is None


def test_leaves_other_keys_with_a_dollar_alone():
    own = {"$openapi": "./x", "both": {"$text": "./x", "more": 1}, "in": {"$a": {"$text": "./x"}}}
    (document,) = parse(dump(descriptor(("spec", "own"), own)), resolve=lambda *_: "read")
    assert document.is_valid
    assert document.data["spec"]["own"] == own


@pytest.mark.parametrize(
    ("path", "value", "message", "hint"),
    [
        (
            ("spec", "definition"),
            {"$graphql": "./a.graphql"},
            "no placeholder that is filled in; those are $text, $openapi, $asyncapi, $json, $yaml",
            "write $text: ./a.graphql",
        ),
        (("spec", "system"), {"$txt": "./a"}, "$txt is no placeholder", "write $text: ./a"),
        (("metadata", "tags"), {"$Yml": "./a"}, "$Yml is no placeholder", "write $yaml: ./a"),
        (("spec", "definition"), {"$text": "./a", "b": "c"}, "no other key stands beside it", ""),
        (("metadata", "name"), {"$text": "./a"}, "is not filled in here", "write the value itself"),
        (("metadata",), {"$yaml": "./a"}, "is not filled in here", "write the value itself"),
        (("spec", "definition"), {"$schema": "a", "b": "c"}, "is a block of keys", "definition: |"),
    ],
)
def test_a_placeholder_that_is_not_filled_in_is_called_that(path, value, message, hint):
    base = of_kind("API", API) if path[0] == "spec" else BASE
    document = descriptor(path, value, base)
    (problem,) = problems(document)
    assert message in problem.message
    assert hint in problem.hint
    if "placeholder" in message:
        assert problem.path.endswith(next(iter(value)))


def test_a_placeholder_that_cannot_be_read_is_a_warning_at_its_place():
    def gone(key, target):
        raise PlaceholderError(f"{key} {target}: there is no such file")

    data = of_kind("API", {**API, "definition": {"$text": "./gone.yaml"}})
    (document,) = parse(dump(data), resolve=gone)
    assert document.is_valid
    (warning,) = document.warnings
    assert warning.path == "spec.definition"
    assert (warning.line, warning.column) == (9, 3)
    assert "no such file" in warning.message
