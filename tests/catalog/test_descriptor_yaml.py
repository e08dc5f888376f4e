import pytest

from catalog.descriptor import Limits, YamlError, decode, parse
from catalog.descriptor.writing import dump

BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


def value(text):
    (document,) = parse(text)
    return document.data


def problem(text, **limits):
    document = parse(text, limits=Limits(**limits))[0]
    assert document.data is None
    (only,) = document.problems
    return only


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("yes", "yes"),
        ("on", "on"),
        ("no", "no"),
        ("TRUE", True),
        ("false", False),
        ("2024-01-01", "2024-01-01"),
        ("12:30:45", "12:30:45"),
        ("014", 14),
        ("0o14", 12),
        ("0x1F", 31),
        ("1_000", "1_000"),
        ("1e3", 1000),
        ("-2.50", -2.5),
        (".inf", None),
        ("-.INF", None),
        (".nan", None),
        ("1e999", None),
        ("=", "="),
        ("~", None),
        ("NULL", None),
        ("", None),
        ('"014"', "014"),
        ("!!str 12", "12"),
        ('!!int "3"', 3),
        ("!!binary aGk=", {"type": "Buffer", "data": [104, 105]}),
        ("!!str", ""),
        ("!!int 1.5", "1.5"),
        ("!!float .5", 0.5),
        ("!!bool yes", "yes"),
        ("!Ref thing", "thing"),
        ("12345678901234567890", 12345678901234567000),
        ("9" * 400, None),
        ("-0.0", 0),
    ],
)
def test_reads_scalars_by_the_yaml_1_2_core_schema(text, expected):
    read = value(f"key: {text}\n")["key"]
    assert read == expected
    assert type(read) is type(expected)


def test_takes_a_merge_key_literally():
    assert value("a: &x {b: 1}\nc:\n  <<: *x\n") == {"a": {"b": 1}, "c": {"<<": {"b": 1}}}


def test_turns_keys_into_text_as_javascript_does():
    text = "1: a\n1.50: b\ntrue: c\n~: d\n014: e\n? {x: 1}\n: f\n? [q]\n: g\n"
    assert value(text) == {
        "1": "a",
        "1.5": "b",
        "true": "c",
        "": "d",
        "14": "e",
        "{ x: 1 }": "f",
        "[ q ]": "g",
    }


@pytest.mark.parametrize(
    "text", ["a: 1\nb: 2\na: 3\n", "1: x\nb: 2\n1.0: y\n", "{b: 1, a: 1,\n a: 2}"]
)
def test_refuses_a_key_that_appears_twice_and_says_where(text):
    found = problem(text)
    assert "twice" in found.message
    assert found.line == (2 if text.startswith("{") else 3)


def test_a_number_and_its_text_are_two_keys_and_the_last_wins():
    assert value('1: x\n"1": y\n') == {"1": "y"}


def test_reads_json():
    assert value('{"a": [1, true, null], "b": "\\ud83d\\ude00"}') == {
        "a": [1, True, None],
        "b": "😀",
    }


def test_a_broken_document_leaves_the_others_alone():
    documents = parse("a: 1\n---\nb: [1\n---\nc: 'x\n---\nd: 4\n")
    assert [d.data for d in documents] == [{"a": 1}, None, None, {"d": 4}]
    assert [d.index for d in documents] == [0, 1, 2, 3]
    assert [bool(d.problems) for d in documents] == [True, True, True, True]
    assert documents[1].problems[0].line == 4
    assert "not closed" in documents[1].problems[0].message


def test_an_alias_to_nothing_leaves_the_others_alone():
    first, second = parse("a: *gone\n---\nb: 1\n")
    assert "*gone" in first.problems[0].message
    assert (first.problems[0].line, first.problems[0].column) == (1, 4)
    assert second.data == {"b": 1}


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", []),
        ("# nothing\n\n", []),
        ("---\n", [None]),
        ("a: 1\n---\n# nothing\n", [{"a": 1}, None]),
        ("a: 1\n...\n", [{"a": 1}]),
        ("...\n", [None]),
        ("a: 1\n...\n...\n", [{"a": 1}, None]),
        ("\u00a0\n", ["\u00a0"]),
        ("%YAML 1.2\n---\na: 1\n...\nb: 2\n", [{"a": 1}, {"b": 2}]),
        ("# head\n---\na: 1\n--- # tail\nb: 2\n", [{"a": 1}, {"b": 2}]),
        ("a: |\n  x\n  ---\n  y\n", [{"a": "x\n---\ny\n"}]),
    ],
)
def test_tells_documents_apart(text, lines):
    assert [document.data for document in parse(text)] == lines


def test_empty_documents_are_neither_valid_nor_refused():
    (document,) = parse("---\n# nothing\n")
    assert document.is_empty
    assert not document.is_valid
    assert not document.problems


def test_says_the_line_of_a_documents_first_content():
    documents = parse("# head\n\na: 1\n---\n\n# more\nb: 1\n--- {c: 1}\n")
    assert [document.line for document in documents] == [3, 7, 8]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_reads_any_line_break_and_a_byte_order_mark(newline, mark):
    text = mark + newline.join(["a:", "  b: ü", "---", "c: |", "  d", ""])
    assert [d.data for d in parse(text)] == [{"a": {"b": "ü"}}, {"c": "d\n"}]


def test_reads_lines_of_nothing_but_tabs():
    assert value("a:\n\t\n  b: 1\n \t # note\n  c: 2\n") == {"a": {"b": 1, "c": 2}}


def test_keeps_characters_that_only_older_yaml_takes_for_line_breaks():
    assert value("a: x\u2028y\u0085z\nb: don\u0092t\n") == {
        "a": "x\u2028y\u0085z",
        "b": "don\u0092t",
    }


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("a:\n\tb: 1\n", 2, 1, "tab"),
        ("a: b: c\n", 1, 5, "second ': '"),
        ("a: @b\n", 1, 4, "may not start"),
        ("a: *.yaml\n", 1, 5, "may not start with *"),
        ("{a: & b, c: x?d&amp;e}\n", 1, 6, "may not start with * or &"),
        ("a: - b\n", 1, 4, "list starts"),
        ("a: |\n  x\n\t\n  y\n", 3, 1, "tab"),
        ("a: 1\n b: 2\n", 2, 3, "second ': '"),
        ("a:\n  - b\n  c: 1\n", 3, 3, "does not fit"),
        ("a: b\nc\nd: 1\n", 3, 1, "neither"),
        ("ok: 1\nb: \x00\n", 2, 4, "U+0000"),
        ("a: '\ud800'\n", 1, 5, "U+D800"),
        ('a: "\\ud800"\n', 1, 7, "escape"),
        ("a: &a [*a]\n", 1, 8, "itself"),
        ('k:\n  a: "x\n y"\n', 3, 1, "left of the block"),
        ("k: {a: 1,\nb: 2}\n", 2, 1, "left of the block"),
    ],
)
def test_says_in_plain_words_what_is_not_yaml_and_where(text, line, column, words):
    found = problem(text)
    assert words in found.message
    assert (found.line, found.column) == (line, column)


def test_refuses_a_yaml_bomb_without_expanding_it():
    found = problem(BOMB)
    assert "aliases expand" in found.message
    assert found.line <= 9


def test_an_alias_to_much_text_counts_as_much():
    text = f"a: &a {'x' * 100_000}\nb: [{','.join(['*a'] * 200)}]\n"
    assert "aliases expand" in problem(text).message


def test_ordinary_aliases_are_read():
    assert value("a: &a {b: 1}\nc: [*a, *a]\n") == {"a": {"b": 1}, "c": [{"b": 1}, {"b": 1}]}


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
def test_refuses_nesting_that_is_too_deep(opening):
    found = problem(opening * 200_000)
    assert "100 levels" in found.message


def test_refuses_a_file_that_is_too_large():
    assert "larger than 10 bytes" in problem("a: ü12345\n", max_bytes=10).message
    assert value("a: ü1234")


def test_keeps_what_comes_before_too_many_documents():
    documents = parse("---\na: 1\n" * 4, limits=Limits(max_documents=3))
    assert [d.data for d in documents] == [{"a": 1}] * 3 + [None]
    assert "more than 3 documents" in documents[3].problems[0].message
    assert documents[3].problems[0].line == 7


def test_warns_of_bytes_that_are_not_utf_8_and_reads_the_rest():
    text = decode("a: ü\nb: M".encode() + b"\xfcller\n---\nc: d\n")
    first, second = parse(text)
    assert first.data == {"a": "ü", "b": "M\ufffdller"}
    (warning,) = first.warnings
    assert (warning.line, warning.column) == (2, 5)
    assert warning.hint == "save the file as UTF-8"
    assert second.warnings == ()


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_refuses_a_file_in_utf_16(encoding):
    data = "a: b\n".encode(encoding)
    with pytest.raises(YamlError, match="UTF-16"):
        decode(data if encoding == "utf-16" else b"\xfe\xff" + data)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: x\x07y\x1b[0m\n", {"a": "x\x07y\x1b[0m"}),
        ("a: x\ry\n", {"a": "x\ry"}),
        ("a: x\ufeffy\n", {"a": "x\ufeffy"}),
        ('k:\n  a: "x\n \n   y"\n', {"k": {"a": "x\ny"}}),
        ('spec: &all\n  a: "x\n    y"\n  b: [c,\n   d]\n', {"spec": {"a": "x y", "b": ["c", "d"]}}),
        ('- !x\n  a: "x\n   y"\n', [{"a": "x y"}]),
        ("a: x\r\nb: y\r", {"a": "x", "b": "y\r"}),
        ("a: |\n  last line", {"a": "last line\n"}),
        ("-\ta\n-\t'b'\n", ["a", "b"]),
        ("a: |\n \tb\n", {"a": "\tb\n"}),
        ("a: {b:}\n", {"a": {"b": None}}),
        ("a: {{ b }}\n", {"a": {"{ b }": None}}),
        ("a: b\n: c\n", {"a": "b", "": "c"}),
        ("%FOO bar\n---\na: 1\n", {"a": 1}),
        ("%YAML 1.3\n---\na: 1\n", {"a": 1}),
        ("a: &amp; b\n", {"a": "b"}),
        ('{\n\t"a": 1,\n\t"b": {\n\t\t"c": 2\n\t}\n}\n', {"a": 1, "b": {"c": 2}}),
        ("a: 'it''s'\nb: \"x\\\n  y\"\n", {"a": "it's", "b": "xy"}),
        ("a: b\n  c\n\n  d\n", {"a": "b c\nd"}),
        ("a: b # c\nd: e#f\n", {"a": "b", "d": "e#f"}),
        ("1e-7: a\n", {"1e-7": "a"}),
    ],
)
def test_reads_what_the_formats_own_reader_reads(text, expected):
    assert value(text) == expected


@pytest.mark.parametrize("text", ["a: 'b'#c\n", 'a: "b"#c\n', "a: [b]#c\n", "a: {b: c}#d\n"])
def test_refuses_a_comment_that_sticks_to_a_quote_or_bracket(text):
    assert "needs a space" in problem(text).message


@pytest.mark.parametrize("text", ['x: "\\0"', '"a\\0": 1'])
def test_refuses_nul_that_was_written_as_an_escape(text):
    document = parse(f"kind: Component\n{text}")[0]
    assert any("NUL" in p.message for p in document.problems)


def test_what_it_writes_it_reads_back():
    odd = {
        text: text
        for text in (
            *(
                "no",
                "014",
                "1_000",
                "0o7",
                "1e3",
                ".inf",
                "~",
                "",
                "=",
                "<<",
                "2024-01-01",
                "-",
                "?",
            ),
            *(
                "a: b",
                "# c",
                "---",
                "...",
                "*x",
                "&x",
                "%x",
                "@x",
                "!x",
                "|",
                "[",
                "x\u2028y",
                "\u0092",
            ),
            *(" lead", "trail ", "a\n b\n", "\n\nx", "x \ny", "tab\tx", "\ufeffz", "😀", "x\r\ny"),
            "word " * 100,
            "a" * 300,
        )
    }
    data = {
        "odd": odd,
        "numbers": [1, -3, 1.5, 1e44, 12345678901234567000],
        "x": [True, None, [], {}],
    }
    assert value(dump(data)) == data
