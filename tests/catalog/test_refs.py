import pytest

from catalog.refs import EntityRef, InvalidRefError


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a", ("component", "ns", "a")),
        ("a:b", ("a", "ns", "b")),
        ("a/b", ("component", "a", "b")),
        ("a:b/c", ("a", "b", "c")),
        ("a:b:c", ("a", "ns", "b:c")),
        ("a/b:c", ("component", "a", "b:c")),
        ("a/b/c", ("component", "a", "b/c")),
        (" a ", ("component", "ns", " a ")),
        ("API:Default/X", ("api", "default", "x")),
    ],
)
def test_parses_references(text, parts):
    ref = EntityRef.parse(text, default_kind="Component", default_namespace="ns")
    assert (ref.kind, ref.namespace, ref.name) == parts


@pytest.mark.parametrize("text", ["", "a:", ":a", "/a", "a/", "a:/b", "a:b/"])
def test_refuses_references_with_an_empty_part(text):
    with pytest.raises(InvalidRefError):
        EntityRef.parse(text, default_kind="Component", default_namespace="ns")


def test_a_reference_without_kind_needs_a_default():
    with pytest.raises(InvalidRefError, match="no kind"):
        EntityRef.parse("a")


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("group:default/a", "a"),
        ("user:default/a", "user:a"),
        ("group:x/a", "x/a"),
        ("api:x/a", "api:x/a"),
    ],
)
def test_shortens_what_is_understood(text, short):
    assert EntityRef.parse(text).short("group") == short


def test_prints_in_full_and_in_lower_case():
    assert str(EntityRef.of("API", "Default", "X.y")) == "api:default/x.y"
