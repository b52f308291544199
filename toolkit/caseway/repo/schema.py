"""The schemas of all kinds of document, and whether and why a document breaks its own.

Acceptance is jsonschema-rs alone, compiled once per kind and process; the explanation runs only after a
rejection. Nothing here reads anything but our own schema files.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import caseway
from caseway.model.canonical import JsonObject
from caseway.model.errors import CasewayError
from caseway.repo.defaults import compile_defaults
from caseway.repo.effort import is_bounded
from caseway.repo.explain import MOST, explain
from caseway.repo.leaf_checks import Walk
from caseway.repo.plain_json import plain_json_problems
from caseway.repo.violation import Violation, pointer
from caseway.repo.words import SHOWN, nearest, quoted

if TYPE_CHECKING:
    from jsonschema_rs import Draft202012Validator

__all__ = [
    "KINDS",
    "Violation",
    "fill_defaults",
    "is_accepted",
    "kind_named",
    "schema",
    "schema_problems",
    "schema_text",
    "suspicions",
    "violations",
    "violations_of",
]

FILES: Mapping[str, str] = {
    "Project": "project",
    "UseCase": "use-case",
    "Instance": "instance",
    "Overlay": "overlay",
    "Runtime": "runtime",
    "Connection": "connection",
    "WorkflowTest": "workflow-test",
    "Workflow": "workflow",
}
KINDS = tuple(FILES)
# DSL 1.0.3 made lists of the arguments of scripts and shell commands; before it they were maps.
_EARLIER = frozenset({"1.0.0", "1.0.1", "1.0.2"})
_WITH_MAPS = "Workflow with maps"


def kind_named(name: str) -> str:
    """The kind that `name` means, whatever its case and dashes; raises CasewayError for none."""
    if name in FILES:
        return name
    kinds = {kind.lower(): kind for kind in KINDS}
    folded = name.lower().replace("-", "").replace("_", "").removesuffix(".schema.json")
    if folded in kinds:
        return kinds[folded]
    close = nearest(name, KINDS)
    hint = f"did you mean {close}?" if close else ""
    listing = ", ".join(KINDS)
    raise CasewayError(f"there is no kind {name!r}; there are {listing}", code="unknown-kind", hint=hint)


def schema(kind: str) -> JsonObject:
    """The JSON Schema of a kind of document. Shared: do not change it."""
    return _schema(kind_named(kind))


def schema_text(kind: str) -> str:
    """The schema file of a kind, as it is shipped."""
    return (_folder() / f"{FILES[kind_named(kind)]}.schema.json").read_text(encoding="utf-8")


def violations(kind: str, value: Any, *, is_plain: bool = False) -> list[Violation]:
    """Everything in which `value` breaks the schema of its kind; empty when it is valid. `is_plain` says that
    it is known to be plain JSON, as whatever our own parser gives."""
    name = _edition(kind_named(kind), value)
    return ([] if is_plain else plain_json_problems(value)) or _judge(_validator(name), _schema(name), value)


def suspicions(kind: str, value: Any, *, is_plain: bool = False) -> list[Violation]:
    """Keys that the schema allows, as the specification does, though nothing reads them: likely typos.
    Empty for what `violations` reports already."""
    name = _edition(kind_named(kind), value)
    if (not is_plain and plain_json_problems(value)) or _strict_validator(name).is_valid(value):
        return []
    known = {each.pointer for each in violations(kind, value)}
    strict = explain(Walk(_strict(name), _matches), value)
    return [each for each in strict if each.keyword == "additionalProperties" and each.pointer not in known]


def fill_defaults(kind: str, value: Any) -> Any:
    """`value` with every default of its schema written out; the argument is left as it is."""
    return _defaults(kind_named(kind))(value)


def violations_of(schema: Any, value: Any) -> list[Violation]:
    """Everything in which `value` breaks a schema of the user's own, e.g. a use case's parameters. A schema
    that is itself broken gives what `schema_problems` says. References to elsewhere are never followed."""
    problems = schema_problems(schema) or plain_json_problems(value)
    if problems:
        return problems
    if not is_bounded(schema, value):
        return [
            Violation(
                "", "the schema takes too many steps to check this", "nest fewer alternatives", "effort"
            )
        ]
    return _judge(_compiled(schema), schema, value)


def is_accepted(schema: Any, value: Any) -> bool:
    """Whether `value` surely keeps to `schema`, of which `schema_problems` found nothing: the quick answer
    before `violations_of`."""
    try:
        return is_bounded(schema, value) and _compiled(schema).is_valid(value)
    except ValueError:
        return False


def schema_problems(value: Any) -> list[Violation]:
    """In what a user's JSON Schema is no schema of draft 2020-12; empty when it is one."""
    from caseway.repo.meta_schema import META_SCHEMA, broken_references  # noqa: PLC0415 - few documents need it

    broken = plain_json_problems(value) or _judge(_meta_validator(), META_SCHEMA, value)
    return broken or ((told := _uncompilable(value)) and (broken_references(value) or told))


def _uncompilable(value: Any) -> list[Violation]:
    from jsonschema_rs import ReferencingError, ValidationError  # noqa: PLC0415 - quick start

    try:
        _compiled(value)
    except ValidationError as error:
        place, is_regex = pointer(error.instance_path), error.instance_path[-1:] == ["pattern"]
        shown = quoted(str(error.instance)) + " is no regular expression"
        return [Violation(place, shown if is_regex else _first_line(error.message), "", "schema")]
    except (ReferencingError, ValueError) as error:
        return [Violation("", _first_line(str(error)), "", "schema")]
    return []


def _judge(validator: Draft202012Validator, root: Any, value: Any) -> list[Violation]:
    if validator.is_valid(value):
        return []
    try:
        explained = explain(Walk(root, _matches), value)
    except RecursionError:  # a schema of the user's own that refers to itself
        explained = []
    return (explained or _unexplained(validator, value))[:MOST]


def _unexplained(validator: Draft202012Validator, value: Any) -> list[Violation]:
    """The validator's own words, for keywords that `explain` does not know."""
    errors = [(pointer(error.instance_path), error) for error in validator.iter_errors(value)]
    return [Violation(place, _first_line(error.message), "", error.kind.name) for place, error in errors]


def _first_line(text: str) -> str:
    line = (text.splitlines() or [""])[0]
    return "".join(character if character.isprintable() else "?" for character in line)[: 4 * SHOWN]


def _folder() -> Path:
    package = Path(caseway.__file__).parent
    shipped = package / "schemas"
    return shipped if shipped.is_dir() else package.parent.parent / "schemas"


def _edition(kind: str, value: Any) -> str:
    """The kind, or for workflows of an earlier DSL that of before its arguments became lists."""
    header = value.get("document") if kind == "Workflow" and isinstance(value, dict) else None
    dsl = header.get("dsl") if isinstance(header, dict) else None
    return _WITH_MAPS if isinstance(dsl, str) and dsl in _EARLIER else kind


@cache
def _schema(kind: str) -> JsonObject:
    if kind == _WITH_MAPS:
        earlier: JsonObject = _with_maps(_schema("Workflow"))
        return earlier
    loaded: JsonObject = json.loads(schema_text(kind))
    return loaded


def _with_maps(node: Any) -> Any:
    """The workflow schema with the arguments of scripts and shell commands as lists or maps."""
    if isinstance(node, list):
        return [_with_maps(item) for item in node]
    if not isinstance(node, dict):
        return node
    copied = {key: _with_maps(below) for key, below in node.items()}
    if copied.get("title") in ("Script", "Shell") and "arguments" in copied.get("properties", {}):
        arguments = copied["properties"]["arguments"]
        arguments["type"] = ["array", "object", "string"]
        arguments["patternErrorMessage"] = "must be a list, a map, or one $[[ … ]] placeholder"
    return copied


@cache
def _validator(kind: str) -> Draft202012Validator:
    return _compiled(_schema(kind))


@cache
def _strict(kind: str) -> Any:
    return _closed(_schema(kind))


@cache
def _strict_validator(kind: str) -> Draft202012Validator:
    return _compiled(_strict(kind))


@cache
def _defaults(kind: str) -> Callable[[Any], Any]:
    return compile_defaults(_schema(kind))


@cache
def _meta_validator() -> Draft202012Validator:
    from caseway.repo.meta_schema import META_SCHEMA  # noqa: PLC0415 - few documents need it

    return _compiled(META_SCHEMA)


def _closed(node: Any) -> Any:
    """The schema with every open object that names its keys closed."""
    if isinstance(node, list):
        return [_closed(item) for item in node]
    if not isinstance(node, dict):
        return node
    closed = {key: _closed(below) for key, below in node.items()}
    if closed.get("additionalProperties") is True and "properties" in closed:
        closed["additionalProperties"] = False
    return closed


def _compiled(value: Any) -> Draft202012Validator:
    from jsonschema_rs import Draft202012Validator  # noqa: PLC0415 - quick start

    return Draft202012Validator(value, retriever=_nothing_elsewhere)


def _nothing_elsewhere(uri: str) -> Any:
    raise ValueError(f"{uri} is not in this schema")


def _matches(pattern: str, text: str) -> bool:
    try:
        return _pattern(pattern).is_valid(text)
    except ValueError:
        return True  # a broken pattern is the schema's fault, which is told elsewhere


@lru_cache(maxsize=512)
def _pattern(pattern: str) -> Draft202012Validator:
    return _compiled({"pattern": pattern})
