"""What a JSON Schema (draft 2020-12) looks like, as one flat schema, so that a user's broken schema is
explained like any other document. Compiling the schema remains the last word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from caseway.repo.explain import resolve
from caseway.repo.violation import Path, Violation, pointer
from caseway.repo.words import quoted

_TYPES = ["string", "number", "integer", "boolean", "object", "array", "null"]
_SCHEMA = {"$ref": "#/$defs/schema"}
_SCHEMAS = {"type": "array", "minItems": 1, "items": _SCHEMA}
_NAMED = {"type": "object", "additionalProperties": _SCHEMA}
_TEXT = {"type": "string"}
_FLAG = {"type": "boolean"}
_NUMBER = {"type": "number"}
_COUNT = {"type": "integer", "minimum": 0}
_NAMES = {"type": "array", "uniqueItems": True, "items": _TEXT}

META_SCHEMA: Mapping[str, Any] = {
    "$ref": "#/$defs/schema",
    "$defs": {
        "schema": {
            "type": ["object", "boolean"],
            "patternErrorMessage": "must be a schema: an object, true or false",
            "properties": {
                **dict.fromkeys(
                    ("$id", "$schema", "$ref", "$anchor", "$dynamicRef", "$dynamicAnchor"), _TEXT
                ),
                **dict.fromkeys(("$comment", "title", "description", "format"), _TEXT),
                **dict.fromkeys(("contentEncoding", "contentMediaType", "pattern"), _TEXT),
                **dict.fromkeys(("deprecated", "readOnly", "writeOnly", "uniqueItems"), _FLAG),
                **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), _NUMBER),
                **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems"), _COUNT),
                **dict.fromkeys(("minProperties", "maxProperties", "minContains", "maxContains"), _COUNT),
                **dict.fromkeys(("allOf", "anyOf", "oneOf", "prefixItems"), _SCHEMAS),
                **dict.fromkeys(("properties", "patternProperties", "dependentSchemas", "$defs"), _NAMED),
                **dict.fromkeys(("items", "contains", "additionalProperties", "propertyNames"), _SCHEMA),
                **dict.fromkeys(("unevaluatedItems", "unevaluatedProperties", "contentSchema"), _SCHEMA),
                **dict.fromkeys(("not", "if", "then", "else"), _SCHEMA),
                "type": {
                    "if": {"type": "array"},
                    "then": {"type": "array", "minItems": 1, "uniqueItems": True, "items": {"enum": _TYPES}},
                    "else": {"enum": _TYPES},
                },
                "enum": {"type": "array"},
                "examples": {"type": "array"},
                "required": _NAMES,
                "dependentRequired": {"type": "object", "additionalProperties": _NAMES},
                "multipleOf": {"type": "number", "exclusiveMinimum": 0},
            },
        }
    },
}


def broken_references(schema: Any) -> list[Violation]:
    """The `$ref`s that lead nowhere, or out of the schema: those are never followed."""
    broken: list[Violation] = []
    rest: list[tuple[Any, Path]] = [(schema, ())]
    while rest:
        node, path = rest.pop()
        if isinstance(node, Mapping):
            target = node.get("$ref")
            if isinstance(target, str) and resolve(schema, target) is None:
                hint = "references may only lead to places in the same schema, such as #/$defs/name"
                broken.append(
                    Violation(pointer((*path, "$ref")), f"{quoted(target)} leads nowhere", hint, "$ref")
                )
            data = ("const", "default", "enum", "examples")
            rest.extend((below, (*path, key)) for key, below in node.items() if key not in data)
        elif isinstance(node, list):
            rest.extend((below, (*path, index)) for index, below in enumerate(node))
    return broken[::-1]
