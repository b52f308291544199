"""CW70x: parameters are declared as a schema; their defaults and the values of instances keep to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from caseway.repo.forms import parameters_problems, parameters_schema
from caseway.repo.json_pointer import token
from caseway.repo.placeholders import OPENING
from caseway.repo.rules.rule import Finding, at, milder
from caseway.repo.rules.shape import items, mapping, suggestion
from caseway.repo.rules.view import View, spec
from caseway.repo.schema import is_accepted, schema_problems, violations_of
from caseway.repo.violation import Violation

if TYPE_CHECKING:
    from caseway.repo.load import Document

_HOLDERS = ("$defs", "definitions")


def schema_of(view: View, use_case: Document) -> Mapping[str, Any] | None:
    """The JSON Schema of a use case's parameters, compiled from its form fields if need be; None when there
    is none that can be used."""
    return view.once(("schema", id(use_case)), lambda: _schema(view, use_case))


def _schema(view: View, use_case: Document) -> Mapping[str, Any] | None:
    declared = spec(use_case).get("parameters")
    if not isinstance(declared, Mapping):
        return None
    try:
        schema = parameters_schema(declared)
        problems = _problems(view, use_case, declared) if schema is declared else schema_problems(schema)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None  # broken form fields: reported where forms are checked
    return schema if not problems else None


def _problems(view: View, use_case: Document, declared: Mapping[str, Any]) -> list[Violation]:
    return view.once(("parameters", id(use_case)), lambda: parameters_problems(declared))


def broken_schema(view: View) -> Iterator[Finding]:
    for use_case, problem in _declaration_problems(view):
        if not _is_about_default(problem):
            yield at(use_case, f"/spec/parameters{problem.pointer}", problem.message, problem.hint)


def wrong_default(view: View) -> Iterator[Finding]:
    for use_case, problem in _declaration_problems(view):
        if _is_about_default(problem):
            yield at(use_case, f"/spec/parameters{problem.pointer}", problem.message, problem.hint)
    for use_case in view.of_kind("UseCase"):
        declared = mapping(spec(use_case), "parameters")
        schema = schema_of(view, use_case)
        if schema is not None and "fields" not in declared:
            yield from _wrong_defaults(use_case, schema, mapping(declared, "properties"))


def _wrong_defaults(
    use_case: Document, schema: Mapping[str, Any], properties: Mapping[str, Any]
) -> Iterator[Finding]:
    definitions = {key: schema[key] for key in _HOLDERS if key in schema}
    defaults = {
        name: each["default"]
        for name, each in properties.items()
        if isinstance(each, Mapping) and "default" in each
    }
    if not defaults or is_accepted({**definitions, "properties": properties}, defaults):
        return
    for name, default in defaults.items():
        for problem in violations_of({**definitions, **properties[name]}, default):
            pointer = f"/spec/parameters/properties/{token(str(name))}/default{problem.pointer}"
            message = f'the default of "{name}" breaks its own schema: {problem.message}'
            yield at(use_case, pointer, message, problem.hint)


def _declaration_problems(view: View) -> Iterator[tuple[Document, Violation]]:
    for use_case in view.of_kind("UseCase"):
        declared = spec(use_case).get("parameters")
        if not isinstance(declared, Mapping) or not use_case.is_valid:
            continue  # of a shape that the schema rules have refused already
        for problem in _problems(view, use_case, declared):
            yield use_case, problem


def _is_about_default(problem: Violation) -> bool:
    return "/default" in problem.pointer and problem.pointer.startswith("/fields/")


def no_value(view: View) -> Iterator[Finding]:
    for use_case in view.of_kind("UseCase"):
        schema = schema_of(view, use_case)
        if schema is None or view.instances_of.get(use_case.name) or spec(use_case).get("starter") is True:
            continue
        for name in _required(schema):
            message = f'the parameter "{name}" is required, has no default, and no instance sets it'
            hint = "give it a default, or add a document of kind Instance that sets it"
            yield at(use_case, "/spec/parameters", message, hint, key=True)


def _required(schema: Mapping[str, Any]) -> Iterator[str]:
    properties = mapping(schema, "properties")
    for name in items(schema, "required"):
        if isinstance(name, str) and "default" not in mapping(properties, name):
            yield name


def _installed(view: View) -> Iterator[tuple[Document, Mapping[str, Any], Mapping[str, Any]]]:
    """Instances with the schema of their use case and the parameters they set."""
    for name, instances in view.instances_of.items():
        use_case = view.named("UseCase").get(name)
        schema = schema_of(view, use_case) if use_case else {"type": "object", "properties": {}}
        if use_case is None or (schema is None and "parameters" in spec(use_case)):
            continue
        for instance in instances:
            yield (
                instance,
                schema or {"type": "object", "properties": {}},
                mapping(spec(instance), "parameters"),
            )


def wrong_value(view: View) -> Iterator[Finding]:
    for instance, schema, values in _installed(view):
        known = mapping(schema, "properties")
        optional = {key: value for key, value in schema.items() if key != "required"}
        if known:
            optional.pop("additionalProperties", None)  # unknown names are another rule's finding
        given = {name: value for name, value in values.items() if name in known or not known}
        if is_accepted(optional, given):
            continue
        for problem in violations_of(optional, given):
            if not _is_pending(given, problem.pointer):
                found = at(instance, f"/spec/parameters{problem.pointer}", problem.message, problem.hint)
                yield milder(found, instance)


def _is_pending(value: Any, pointer: str) -> bool:
    """Whether a placeholder stands at the pointer or below it: its value is known at deploy."""
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, Mapping):
            value = value.get(key)
        elif isinstance(value, list) and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
    return OPENING in str(value)


def missing_value(view: View) -> Iterator[Finding]:
    for instance, schema, values in _installed(view):
        for name in _required(schema):
            if name not in values:
                message = f'the instance gives no value for the required parameter "{name}"'
                found = at(instance, "/spec/parameters", message, f"set spec.parameters.{name}")
                yield milder(found, instance)


def unknown_parameter(view: View) -> Iterator[Finding]:
    for instance, schema, values in _installed(view):
        known = mapping(schema, "properties")
        if schema.get("patternProperties") or schema.get("additionalProperties") not in (None, False):
            continue
        for name in values:
            if name not in known:
                message = f'the use case has no parameter "{name}"'
                hint = suggestion(str(name), known, "it has none")
                found = at(instance, f"/spec/parameters/{token(str(name))}", message, hint, key=True)
                yield milder(found, instance)
