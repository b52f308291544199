"""JSON Schemas of requests and answers, made from their dataclasses: what the API's document shows.

Rule: nothing is written down twice; what `decode` refuses, the schema forbids."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import is_dataclass
from enum import Enum
from typing import Any, Literal, get_args, get_origin

from caseway.operations.examples import example_of
from caseway.operations.fields import About, Described, described

REFERENCE = "#/components/schemas/"
_PLAIN: Mapping[Any, dict[str, Any]] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
}


def parameter_schema(item: Described) -> dict[str, Any]:
    """The schema of one field that travels in a path, query or header."""
    return _described(Schemas(), item, is_answer=False)


def object_schema(kind: type, found: Schemas, *, is_answer: bool, leave: frozenset[str]) -> dict[str, Any]:
    """The schema of a dataclass without the fields `leave`; the schemas it refers to are added to `found`.

    An answer says of each field whether it is always there; a request which ones are needed."""
    items = [item for item in described(kind) if item.name not in leave]
    required = [
        item.json for item in items if (not item.is_omitted_when_empty if is_answer else item.is_required)
    ]
    schema: dict[str, Any] = {
        "type": "object",
        "description": _first_lines(kind),
        "properties": {item.json: _described(found, item, is_answer=is_answer) for item in items},
    }
    if required:
        schema["required"] = required
    if not is_answer:
        schema["additionalProperties"] = False
    return schema


class Schemas(dict[str, Any]):
    """Schemas by name; two dataclasses of one name get names of their own."""

    def __init__(self) -> None:
        super().__init__()
        self._kinds: dict[str, object] = {}

    def name_for(self, kind: type, ending: str = "") -> str:
        """The name of a dataclass's schema, always the same."""
        name = kind.__name__ + ending
        while self._kinds.setdefault(name, (kind, ending)) != (kind, ending):
            name = kind.__module__.rpartition(".")[2].replace("_", " ").title().replace(" ", "") + name
        return name


def reference(kind: type, found: Schemas, *, is_answer: bool = True) -> dict[str, Any]:
    """A reference to the schema of a dataclass, which is put into `found`."""
    name = found.name_for(kind)
    if name not in found:
        found[name] = {}
        found[name] = object_schema(kind, found, is_answer=is_answer, leave=frozenset())
    return {"$ref": REFERENCE + name}


def _described(found: Schemas, item: Described, *, is_answer: bool) -> dict[str, Any]:
    schema = _typed(found, item.type, item.about, is_answer=is_answer)
    if item.is_nullable:
        schema = _nullable(schema)
    if "$ref" in schema:
        return schema
    schema |= _said(item, is_answer=is_answer)
    return schema


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    if isinstance(schema.get("type"), str) and "enum" not in schema:
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]} if schema else schema


def _said(item: Described, *, is_answer: bool) -> dict[str, Any]:
    said: dict[str, Any] = {}
    if item.about.description:
        said["description"] = item.about.description
    if not is_answer and not item.is_required and item.default is not None and item.default != "":
        said["default"] = list(item.default) if isinstance(item.default, tuple) else item.default
    example = example_of(item)
    if example is not None:
        said["examples"] = [example]
    return said


def _typed(found: Schemas, kind: Any, about: About, *, is_answer: bool) -> dict[str, Any]:
    origin = get_origin(kind)
    if kind in _PLAIN:
        return {**_PLAIN[kind], **(_bounds(about) if not is_answer else {})}
    if origin is tuple:
        inner = _typed(found, get_args(kind)[0], About(longest=about.longest), is_answer=is_answer)
        most = {"maxItems": about.maximum} if about.maximum is not None else {}
        return {"type": "array", "items": inner, **most}
    if isinstance(kind, type) and is_dataclass(kind):
        return reference(kind, found, is_answer=is_answer)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {"type": "object"}
    choices = _choices(kind)
    return {"type": "string", "enum": choices} if choices else {}


def _choices(kind: Any) -> list[str]:
    if get_origin(kind) is Literal:
        return list(get_args(kind))
    is_enum = isinstance(kind, type) and issubclass(kind, Enum)
    return [member.value for member in kind] if is_enum else []


def _bounds(about: About) -> dict[str, Any]:
    named = {
        "minimum": about.minimum,
        "maximum": about.maximum,
        "maxLength": about.longest,
        "pattern": about.pattern or None,
        "format": about.format or None,
    }
    return {name: value for name, value in named.items() if value is not None}


def _first_lines(kind: type) -> str:
    return " ".join((kind.__doc__ or "").split())
