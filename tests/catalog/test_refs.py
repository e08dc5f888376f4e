import pytest

from catalog.refs import EntityRef, InvalidRefError


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
