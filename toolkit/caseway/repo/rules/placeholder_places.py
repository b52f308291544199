"""CW4xx: placeholders can be read, stand where they are resolved, and name what exists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from caseway.repo.placeholders import (
    KINDS,
    PlaceholderError,
    names,
    outermost,
    split,
)
from caseway.repo.rules.parameters import schema_of
from caseway.repo.rules.placeholder_uses import Use, resolved, uses
from caseway.repo.rules.rule import Finding, at
from caseway.repo.rules.shape import mapping, suggestion
from caseway.repo.rules.view import View

if TYPE_CHECKING:
    pass

# Members under which other systems keep secret values: asking for them is understandable, and never answered.
_SECRET_MEMBERS = frozenset({"value", "secret", "token", "password", "key", "apikey", "api_key", "data"})


def unreadable(view: View) -> Iterator[Finding]:
    for document in view.documents:
        for pointer, scalar in resolved(view, document):
            try:
                expressions = [part.text for part in split(scalar) if part.is_expression]
                for expression in expressions:
                    names(expression)
            except PlaceholderError as error:
                yield at(document, pointer, error.message, error.hint)


def unknown_kind(view: View) -> Iterator[Finding]:
    for document in view.documents:
        for use in uses(view, document):
            for reference in sorted(use.references):
                yield from _kind_problem(use, reference)


def _kind_problem(use: Use, reference: str) -> Iterator[Finding]:
    root, *rest = reference.split(".")
    if root not in KINDS:
        hint = suggestion(root, KINDS, f"known: {', '.join(KINDS)}")
        yield at(use.document, use.pointer, f'placeholders know no "{root}"', hint)
        return
    if root == "params" and use.document.kind == "Instance":
        yield at(use.document, use.pointer, "an instance's parameters cannot be made of parameters")
        return
    members = KINDS[root]
    if isinstance(members, Mapping):
        rest, members = rest[1:], members[None]
    if root != "params" and rest and rest[0] not in members and not _asks_for_secret(root, rest):
        hint = suggestion(rest[0], members, f"`{root}` is a value by itself")
        yield at(use.document, use.pointer, f'"{reference}": there is no "{rest[0]}" here', hint)


def _asks_for_secret(root: str, rest: list[str]) -> bool:
    return root == "credentials" and bool(rest) and rest[0].lower() in _SECRET_MEMBERS


def secret_value(view: View) -> Iterator[Finding]:
    for document in view.documents:
        for use in uses(view, document):
            for reference in sorted(use.references):
                root, *rest = reference.split(".")
                if _asks_for_secret(root, rest[1:]):
                    hint = (
                        f"list {rest[0]} in use.secrets and read it at run time: ${{ $secrets.{rest[0]}.… }}"
                    )
                    message = f'"{reference}" asks for a secret value, which placeholders never carry'
                    yield at(document, use.pointer, message, hint)


def misplaced(view: View) -> Iterator[Finding]:
    for document in view.documents:
        if not view.marks(document).placeholders:
            continue
        here = frozenset(resolved(view, document))
        for pointer, scalar in view.marks(document).placeholders:
            if (pointer, scalar) not in here and not _is_prose(pointer):
                message = f"placeholders are not resolved in this part of a {document.kind} document"
                hint = "they belong in workflows, in triggers, and in the parameters of instances"
                yield at(document, pointer, message, hint)


def _is_prose(pointer: str) -> bool:
    return pointer.startswith(
        ("/spec/description", "/spec/releaseNotes", "/spec/title", "/spec/subtitle")
    ) or (pointer.endswith("/description"))


def in_key(view: View) -> Iterator[Finding]:
    for document in view.documents:
        for pointer in view.marks(document).keys:
            hint = "keys are structure: they are the same in every instance"
            yield at(document, pointer, "a placeholder cannot stand in a key", hint, key=True)


def in_expression(view: View) -> Iterator[Finding]:
    for document in view.of_kind("Workflow"):
        for use in uses(view, document):
            if _is_code(use) and not _is_literal(view, use):
                message = "a placeholder inside a run-time expression becomes part of its program"
                safe = f"$[[ {use.expression[:60]} | tojson ]]"
                hint = f"end it with `| tojson`, so that it is one literal: {safe}"
                yield at(document, use.pointer, message, hint)


def _is_code(use: Use) -> bool:
    """Whether the text around a placeholder is jq source."""
    return use.scalar.lstrip().startswith("${") or use.pointer.endswith(("/when", "/while", "/if"))


def _is_literal(view: View, use: Use) -> bool:
    """Whether the placeholder can only become one jq literal: JSON, or a number or boolean by its schema."""
    try:
        if outermost(use.expression) in _LITERAL_FILTERS:
            return True
    except PlaceholderError:
        return True  # unreadable: another rule's finding
    root, _, name = use.expression.partition(".")
    schemas = view.once("schemas", lambda: _schemas(view)).get(use.document.path, [])
    kinds = [mapping(schema, "properties", name).get("type") for schema in schemas]
    return root == "params" and bool(kinds) and all(kind in _LITERAL_TYPES for kind in kinds)


def _schemas(view: View) -> Mapping[str, list[Mapping[str, Any]]]:
    """The parameter schemas that a workflow file is used with, by its path."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for entry in view.workflows:
        found.setdefault(entry.path, []).append(schema_of(view, entry.use_case) or {})
    return found


_LITERAL_FILTERS = frozenset({"tojson", "int", "float", "length", "count"})
_LITERAL_TYPES = ("number", "integer", "boolean")
