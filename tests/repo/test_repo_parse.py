"""One file's bytes to documents: values, places, findings."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from caseway.repo.json_pointer import follow, tokens
from caseway.repo.limits import ALIAS_NODES, DEPTH, FILE_BYTES
from caseway.repo.parse import Parsed, parse


def yaml_of(text: str) -> Parsed:
    return parse(text.encode(), "file.yaml")


def json_of(text: str) -> Parsed:
    return parse(text.encode(), "file.json")


def value_of(text: str) -> Any:
    parsed = yaml_of(text)
    assert parsed.diagnostics == ()
    (document,) = parsed.documents
    return document.value


def only(parsed: Parsed) -> tuple[str, int, int]:
    (found,) = parsed.diagnostics
    assert found.file.startswith("file.")
    assert found.message
    return found.code, found.line, found.column


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"), ("no", "no"), ("on", "on"), ("off", "off"), ("y", "y"), ("true", True),
        ("False", False),
        ("null", None), ("~", None), ("", None), ("2026-01-01", "2026-01-01"), ("1:30", "1:30"),
        ("1_000", "1_000"),
        ("12", 12), ("-3", -3), ("+7", 7), ("0o17", 15), ("0x1F", 31), ("1.5", 1.5), (".5", 0.5),
        ("1e3", 1000.0),
        ("'12'", "12"), ('"true"', "true"), ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
        ("0b11", "0b11"),
        ("nullify", "nullify"), ("1.2.3", "1.2.3"), ("=", "="), ("|-\n  a\n  b", "a\nb"),
    ],
)  # fmt: skip
def test_plain_scalars_follow_the_core_schema(text: str, value: Any) -> None:
    found = value_of(f"a: {text}\n")
    assert found == {"a": value}
    assert type(found["a"]) is type(value)


@pytest.mark.parametrize(
    "text", [".inf", "-.INF", ".nan", "1e999", "18446744073709551616", "9" * 5000, "0x" + "f" * 17]
)
def test_numbers_that_json_cannot_keep_are_refused_with_their_place(text: str) -> None:
    assert only(yaml_of(f"a: 1\nb: {text}\n")) == ("CW111", 2, 4)


@pytest.mark.parametrize("text", ["01067", "9007199254740993"])
def test_numbers_that_others_may_misread_are_noted_and_kept(text: str) -> None:
    parsed = yaml_of(f"a: {text}")
    assert only(parsed) == ("CW112", 1, 4)
    assert parsed.documents[0].value == {"a": int(text)}
    assert parsed.is_sound


def test_integers_are_kept_exactly_up_to_64_bits() -> None:
    parsed = yaml_of("[18446744073709551615, -9223372036854775808]")
    assert parsed.documents[0].value == [18446744073709551615, -9223372036854775808]
    assert parsed.is_sound


@pytest.mark.parametrize("text", ["a: 1\nb: 2\na: 3\n", "a: 1\n? b\n: 2\na: 3"])
def test_a_duplicate_key_is_refused_at_its_second_place(text: str) -> None:
    assert only(yaml_of(text)) == ("CW102", text.count("\n", 0, text.rindex("a")) + 1, 1)


def test_duplicate_keys_of_json_are_refused_at_their_second_place() -> None:
    parsed = json_of('{"a": 1,\n "b": {"c": 1, "c": 2}}')
    assert only(parsed) == ("CW102", 2, 16)
    assert parsed.diagnostics[0].pointer == "/b/c"


def test_keys_are_texts_whatever_they_look_like() -> None:
    assert value_of("200: a\ntrue: b\n1.5: c\n") == {"200": "a", "true": "b", "1.5": "c"}


@pytest.mark.parametrize(
    ("text", "code", "line", "column"),
    [
        ("url: {{ base }}/x", "CW113", 1, 7),
        ("? [a, b]\n: c", "CW113", 1, 3),
        (": x", "CW101", 1, 1),
        ("a: {? : x}", "CW113", 1, 7),
        ("<<: {a: 1}", "CW109", 1, 1),
        ("a: !!python/object:os.system x", "CW108", 1, 4),
        ("a: !!str 1", "CW108", 1, 4),
        ("a: !thing {b: c}", "CW108", 1, 4),
        ("%TAG ! tag:x,2000:\n---\na: 1", "CW108", 1, 1),
        ("a: &x [*x]", "CW110", 1, 8),
        ("a: *nowhere", "CW110", 1, 4),
        ("a: &x 1\n---\nb: *x", "CW110", 3, 4),
        ("a: b: c", "CW101", 1, 5),
        ("a: 'x", "CW101", 1, 4),
        ("\ta: 1", "CW101", 1, 1),
        ("a: [1, 2\nb: 3", "CW101", 2, 2),
        ("a:\n  - 1\n - 2", "CW101", 3, 2),
        ('a: "\\0"', "CW104", 1, 4),
        ("a: x\x07y", "CW104", 1, 5),
        ("a: 1\nb: \x00", "CW104", 2, 4),
        ("%YAML 3.0\n---\na: 1", "CW101", 1, 1),
    ],
)
def test_what_is_wrong_has_a_code_and_a_place(text: str, code: str, line: int, column: int) -> None:
    assert only(yaml_of(text)) == (code, line, column)


def test_all_findings_of_a_file_are_told_not_only_the_first() -> None:
    found = yaml_of("a: .inf\na: !!str x\n<<: {}\nb: 'open").diagnostics
    assert [each.code for each in found] == ["CW111", "CW102", "CW108", "CW109", "CW101"]


def test_findings_of_one_file_are_bounded() -> None:
    assert len(yaml_of("a: .inf\n" * 5000).diagnostics) <= 50


@pytest.mark.parametrize(
    ("data", "line", "column"),
    [
        (b"a: caf\xe9", 1, 7),
        (b"a: 1\nb: \xff\xfe", 2, 4),
        ("a: 1".encode("utf-16"), 1, 1),
        ("a".encode("utf-32"), 1, 1),
    ],
)
def test_text_that_is_not_utf_8_is_refused_with_its_place(data: bytes, line: int, column: int) -> None:
    assert only(parse(data, "file.yaml")) == ("CW103", line, column)


@pytest.mark.parametrize(("path", "text"), [("file.yaml", "a: 1"), ("file.json", '{"a": 1}')])
def test_a_byte_order_mark_is_told(path: str, text: str) -> None:
    parsed = parse(text.encode("utf-8-sig"), path)
    assert only(parsed) == ("CW104", 1, 1)


def test_a_stream_holds_several_documents_with_their_own_places() -> None:
    parsed = yaml_of("# nothing yet\n---\na: 1\n---\n---\nb:\n  - 2\n...\n")
    first, second = parsed.documents
    assert (first.value, second.value) == ({"a": 1}, {"b": [2]})
    assert first.positions.at("/a") == (3, 4)
    assert second.positions.at("/b/0") == (7, 5)


def test_documents_before_a_syntax_error_are_kept() -> None:
    parsed = yaml_of("a: 1\n---\nb: [")
    assert [each.value for each in parsed.documents] == [{"a": 1}]
    assert not parsed.is_sound


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n", "\n\n"])
def test_an_empty_file_holds_no_document(text: str) -> None:
    assert yaml_of(text) == Parsed(nodes=yaml_of(text).nodes)


def test_an_alias_shares_its_value() -> None:
    assert value_of("a: &x {b: [1]}\nc: *x\n") == {"a": {"b": [1]}, "c": {"b": [1]}}


def test_an_alias_can_be_a_key_when_it_is_a_text() -> None:
    assert value_of("a: &x name\nb: {*x : 1}\n") == {"a": "name", "b": {"name": 1}}


def test_aliases_are_counted_as_what_they_expand_to() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    bomb += "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 30))
    parsed = yaml_of(bomb)
    assert [each.code for each in parsed.diagnostics] == ["CW106"]
    assert parsed.nodes < 3 * ALIAS_NODES


def test_depth_is_counted_through_aliases() -> None:
    chain = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, DEPTH + 10))
    assert [each.code for each in yaml_of(chain).diagnostics] == ["CW105"]


@pytest.mark.parametrize("depth", [DEPTH, DEPTH + 1, 100_000])
@pytest.mark.parametrize("path", ["file.yaml", "file.json"])
def test_nesting_is_bounded_alike_in_both_languages(path: str, depth: int) -> None:
    parsed = parse(b"[" * depth + b"]" * depth, path)
    assert [each.code for each in parsed.diagnostics] == ([] if depth == DEPTH else ["CW105"])


@pytest.mark.parametrize("text", ["- " * 5000, "? " * 5000, "{a: " * 5000])
def test_deep_block_nesting_is_bounded(text: str) -> None:
    assert yaml_of(text).diagnostics[0].code in {"CW105", "CW113"}


def test_a_file_beyond_the_bound_is_not_looked_into() -> None:
    assert only(parse(b"a" * (FILE_BYTES + 1), "file.yaml")) == ("CW107", 0, 0)


@pytest.mark.parametrize(
    ("text", "code", "line", "column"),
    [
        ('{"a": 1', "CW101", 1, 8),
        ("{'a': 1}", "CW101", 1, 2),
        ('{"a": NaN}', "CW111", 1, 7),
        ('{"a": -Infinity}', "CW111", 1, 7),
        ('{"a": 1e999}', "CW111", 1, 7),
        ('{"a":\n 99999999999999999999}', "CW111", 2, 2),
        ('{"a": "\\ud800"}', "CW104", 1, 7),
        ('{"\\u0000": 1}', "CW104", 1, 2),
        ('["\\u0000"]', "CW104", 1, 2),
        ('{"a": 9007199254740993}', "CW112", 1, 7),
        ("[1] [2]", "CW101", 1, 5),
    ],
)
def test_what_is_wrong_in_json_has_a_code_and_a_place(text: str, code: str, line: int, column: int) -> None:
    assert only(json_of(text)) == (code, line, column)


def test_messages_never_carry_control_characters_from_the_file() -> None:
    found = yaml_of('"\\e[31mred": 1\n"\\e[31mred": 2').diagnostics
    assert "\x1b" not in "".join(each.message + each.pointer for each in found)
    assert "\\e[31mred" in found[0].message


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
)
TEXTS = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp"), exclude_characters="\ufeff\ufffe\uffff"),
    max_size=12,
)
VALUES = st.recursive(
    SCALARS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(TEXTS, VALUES, max_size=5))
def test_json_reads_as_the_standard_library_reads_it(value: dict[str, Any]) -> None:
    parsed = json_of(json.dumps(value))
    assert [each.value for each in parsed.documents] == [value]


@given(st.dictionaries(TEXTS, VALUES, min_size=1, max_size=5))
def test_json_text_is_read_alike_as_yaml(value: dict[str, Any]) -> None:
    text = json.dumps(value, ensure_ascii=False)
    assert [each.value for each in yaml_of(text).documents] == [
        each.value for each in json_of(text).documents
    ]


@given(st.dictionaries(TEXTS, VALUES, min_size=1, max_size=5))
def test_both_languages_give_every_value_the_same_place(value: dict[str, Any]) -> None:
    text = json.dumps(value, indent=1, ensure_ascii=False)
    (left,), (right,) = yaml_of(text).documents, json_of(text).documents
    for pointer in pointers(value):
        assert left.positions.at(pointer) == right.positions.at(pointer), pointer
        assert left.positions.key(pointer) == right.positions.key(pointer), pointer


@given(st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), VALUES, min_size=1, max_size=4))
def test_the_place_of_a_text_is_where_it_stands(value: dict[str, Any]) -> None:
    text = yaml.safe_dump(value, default_style='"', allow_unicode=True)
    (document,) = yaml_of(text).documents
    lines = text.split("\n")
    for pointer in pointers(document.value):
        line, column = document.positions.at(pointer)
        if isinstance(follow(document.value, pointer), str):
            assert lines[line - 1][column - 1] in "\"'!", (text, pointer)


def pointers(value: Any, at: str = "") -> list[str]:
    if isinstance(value, dict):
        inner = [(key.replace("~", "~0").replace("/", "~1"), item) for key, item in value.items()]
    else:
        inner = list(enumerate(value)) if isinstance(value, list) else []
    return [at, *(each for key, item in inner for each in pointers(item, f"{at}/{key}"))]


def test_places_of_keys_values_and_what_is_missing() -> None:
    (document,) = yaml_of("a:\n  b~/c: [x,\n    y]\n").documents
    positions = document.positions
    assert positions.key("/a/b~0~1c/1") == positions.at("/a/b~0~1c/1") == (3, 5)
    assert (positions.key("/a/b~0~1c"), positions.at("/a/b~0~1c")) == ((2, 3), (2, 9))
    assert positions.at("/a/missing/deep") == (2, 3)
    assert positions.at("/nowhere") == (1, 1)
    assert tokens("/a/b~0~1c") == ["a", "b~/c"]


def test_a_place_below_an_alias_is_the_alias() -> None:
    (document,) = yaml_of("a: &x {b: 1}\nc: *x\n").documents
    assert document.positions.at("/c/b") == (2, 4)


@given(st.binary(max_size=200))
def test_no_bytes_crash_the_reader(data: bytes) -> None:
    for path in ("file.yaml", "file.json"):
        parsed = parse(data, path)
        for document in parsed.documents:
            document.positions.at("/a/0")


FRAGMENTS = st.sampled_from(
    ["a", ": ", "- ", "? ", "\n", "  ",
     "{", "}", "[", "]", ",", "&x ", "*x", "!t ", '"', "'", "|\n", ">-\n", "#",
     "---\n",
     "...\n", "%TAG ! !\n", "%YAML 1.2\n", "<<", "\\", "\t", "é", "\u2028", "\x85", "1", ".inf", "null", "~",
     "@", "`"]
)  # fmt: skip


@given(st.lists(FRAGMENTS, max_size=30).map("".join))
def test_no_broken_yaml_crashes_the_reader(text: str) -> None:
    parsed = yaml_of(text)
    assert parsed.documents or parsed.diagnostics or parsed.nodes <= 1 + text.count("---") + text.count("...")
    for document in parsed.documents:
        for pointer in pointers(document.value):
            line, column = document.positions.at(pointer)
            assert line >= 1
            assert column >= 1


@given(
    st.lists(
        st.sampled_from(
            ["{", "}", "[", "]", ",", ":", '"', "a", "\\", "\\u0000", "1", "e9", "-", " ", "NaN", "null"]
        ),
        max_size=30,
    ).map("".join)
)
def test_no_broken_json_crashes_the_reader(text: str) -> None:
    parsed = json_of(text)
    for document in parsed.documents:
        document.positions.at("/0")
