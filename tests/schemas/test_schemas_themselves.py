"""The schema files: valid, described throughout, with examples that are true."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import jsonschema_rs
import pytest
from schema_documents import ROOT, nodes

from caseway.model.errors import CasewayError
from caseway.repo.explain import resolve
from caseway.repo.leaf_checks import WORDS
from caseway.repo.schema import FILES, KINDS, kind_named, schema, schema_text, violations, violations_of


def test_there_is_a_file_for_every_kind_and_no_other() -> None:
    names = {path.name for path in (ROOT / "schemas").iterdir()}
    assert names == {f"{name}.schema.json" for name in FILES.values()}


@pytest.mark.parametrize("kind", KINDS)
def test_a_schema_conforms_to_the_meta_schema(kind: str) -> None:
    jsonschema_rs.meta.validate(schema(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_a_schema_has_its_published_id(kind: str) -> None:
    assert schema(kind)["$id"] == f"https://caseway.dev/schemas/v1/{FILES[kind]}.schema.json"
    assert schema(kind)["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("kind", KINDS)
def test_every_property_is_described(kind: str) -> None:
    root = schema(kind)
    silent = [
        f"{pointer}/{name}"
        for pointer, node in nodes(root)
        for name, below in node.get("properties", {}).items()
        if not _is_condition(pointer) and not _described(root, below)
    ]
    assert silent == []


def _is_condition(pointer: str) -> bool:
    """Conditions and their consequences narrow properties that are described elsewhere."""
    return any(f"/{part}" in pointer for part in ("if", "then", "else"))


def _described(root: Any, node: Any) -> bool:
    if not isinstance(node, Mapping):
        return False
    return bool(node.get("description")) or ("$ref" in node and _described(root, resolve(root, node["$ref"])))


@pytest.mark.parametrize("kind", KINDS)
def test_descriptions_are_sentences(kind: str) -> None:
    texts = [node["description"] for _, node in nodes(schema(kind)) if "description" in node]
    assert [text for text in texts if not text.endswith(".") or text != text.strip()] == []


@pytest.mark.parametrize("kind", KINDS)
def test_references_lead_somewhere(kind: str) -> None:
    root = schema(kind)
    lost = [node["$ref"] for _, node in nodes(root) if "$ref" in node and resolve(root, node["$ref"]) is None]
    assert lost == []


@pytest.mark.parametrize("kind", KINDS)
def test_every_definition_is_used(kind: str) -> None:
    root = schema(kind)
    used = {node["$ref"] for _, node in nodes(root) if "$ref" in node}
    assert [name for name in root.get("$defs", {}) if f"#/$defs/{name}" not in used] == []  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", KINDS)
def test_objects_that_name_their_keys_say_whether_there_may_be_others(kind: str) -> None:
    vague = [
        pointer
        for pointer, node in nodes(schema(kind))
        if "properties" in node and "additionalProperties" not in node and not _is_condition(pointer)
    ]
    discriminated = {"#/$defs/task", "#/$defs/trigger", "#/$defs/field", "#/$defs/parameters"}
    assert set(vague) <= discriminated


@pytest.mark.parametrize("kind", KINDS)
def test_examples_and_defaults_are_valid(kind: str) -> None:
    root: Any = schema(kind)
    for pointer, node in nodes(root):
        values = [*node.get("examples", ()), *([node["default"]] if "default" in node else [])]
        for value in values:
            wrong = violations_of({**node, "$defs": root.get("$defs", {})}, value)
            assert wrong == [], f"{pointer}: {value!r}"


@pytest.mark.parametrize("kind", KINDS)
def test_the_example_of_a_kind_is_a_valid_document(kind: str) -> None:
    examples: Any = schema(kind)["examples"]
    assert examples
    assert [violations(kind, example) for example in examples] == [[]] * len(examples)


@pytest.mark.parametrize("kind", KINDS)
def test_patterns_come_with_words(kind: str) -> None:
    assert [pointer for pointer, node in nodes(schema(kind)) if "pattern" in node and WORDS not in node] == []


@pytest.mark.parametrize("kind", KINDS)
def test_schema_text_is_the_shipped_file(kind: str) -> None:
    assert json.loads(schema_text(kind)) == schema(kind)


@pytest.mark.parametrize("name", ["UseCase", "use-case", "usecase", "USE_CASE", "Use-Case"])
def test_a_kind_is_found_whatever_its_spelling(name: str) -> None:
    assert kind_named(name) == "UseCase"


def test_an_unknown_kind_is_an_error_with_a_hint() -> None:
    with pytest.raises(CasewayError) as caught:
        schema("instanse")
    assert caught.value.hint == "did you mean Instance?"
