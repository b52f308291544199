"""CW4xx: placeholders can be read, stand where they are resolved, and name what exists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from caseway.repo.forms import parameters_schema
from caseway.repo.placeholders import (
    KINDS,
    OPENING,
    PlaceholderError,
    ends_in_filter,
    names,
    scalars,
    split,
)
from caseway.repo.rules.rule import Finding, at
from caseway.repo.rules.shape import items, mapping, suggestion, text, walk
from caseway.repo.rules.view import View, WorkflowEntry, spec

if TYPE_CHECKING:
    from caseway.repo.load import Document

# Members under which other systems keep secret values: asking for them is understandable, and never answered.
_SECRET_MEMBERS = frozenset({"value", "secret", "token", "password", "key", "apikey", "api_key", "data"})
_RESOLVED_IN = ("Workflow", "N8nWorkflow", "Instance")


@dataclass(frozen=True, slots=True)
class Use:
    """One placeholder: its scalar's place and whole text, its expression and the references in it."""

    document: Document
    pointer: str
    scalar: str
    expression: str
    references: frozenset[str]


def _uses(document: Document) -> Iterator[Use]:
    """The readable placeholders of a document."""
    for pointer, scalar in scalars(document.value):
        for expression in _expressions(scalar):
            yield Use(document, pointer, scalar, expression, _references(expression))


@lru_cache(maxsize=8192)
def _expressions(scalar: str) -> tuple[str, ...]:
    try:
        return tuple(part.text for part in split(scalar) if part.is_expression)
    except PlaceholderError:
        return ()


@lru_cache(maxsize=8192)
def _references(expression: str) -> frozenset[str]:
    try:
        return names(expression)
    except PlaceholderError:
        return frozenset()


def _resolved(view: View) -> Iterator[Document]:
    for kind in _RESOLVED_IN:
        yield from view.of_kind(kind)


def unreadable(view: View) -> Iterator[Finding]:
    for document in _resolved(view):
        for pointer, scalar in scalars(document.value):
            try:
                expressions = [part.text for part in split(scalar) if part.is_expression]
                for expression in expressions:
                    names(expression)
            except PlaceholderError as error:
                yield at(document, pointer, error.message, error.hint)


def unknown_kind(view: View) -> Iterator[Finding]:
    for document in _resolved(view):
        for use in _uses(document):
            for reference in sorted(use.references):
                yield from _kind_problem(use, reference)


def _kind_problem(use: Use, reference: str) -> Iterator[Finding]:
    root, *rest = reference.split(".")
    if root not in KINDS:
        hint = suggestion(root, KINDS, f"known: {', '.join(KINDS)}")
        yield at(use.document, use.pointer, f'placeholders know no "{root}"', hint)
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
    for document in _resolved(view):
        for use in _uses(document):
            for reference in sorted(use.references):
                root, *rest = reference.split(".")
                if _asks_for_secret(root, rest[1:]):
                    hint = f"read it at run time: list {rest[0]} in use.secrets and write ${{ $secrets.{rest[0]}.… }}"
                    message = f'"{reference}" asks for a secret value, which placeholders never carry'
                    yield at(document, use.pointer, message, hint)


def undeclared_parameter(view: View) -> Iterator[Finding]:
    yield from _undeclared(view, ("params",))


def undeclared_name(view: View) -> Iterator[Finding]:
    yield from _undeclared(view, ("credentials", "connections", "workflows", "webhooks"))


def _undeclared(view: View, roots: tuple[str, ...]) -> Iterator[Finding]:
    seen: set[tuple[str, str, str]] = set()
    for use_case, document in _owned(view):
        known = declared(view, use_case)
        for use in _uses(document):
            for reference in sorted(use.references):
                root, _, rest = reference.partition(".")
                name = rest.split(".")[0]
                names_here = known.get(root)
                place = (document.path, use.pointer, reference)
                if root in roots and name and names_here is not None and name not in names_here:
                    if place not in seen:
                        seen.add(place)
                        message = f'the use case "{use_case.name}" declares no {_WORDS[root]} "{name}"'
                        hint = suggestion(name, names_here, f"declare it in {use_case.path}")
                        yield at(document, use.pointer, message, hint)


_WORDS = {
    "params": "parameter",
    "credentials": "credential",
    "connections": "connection",
    "workflows": "workflow",
    "webhooks": "workflow",
}


def _owned(view: View) -> Iterator[tuple[Document, Document]]:
    """Each use case with the workflow and instance documents whose placeholders it must answer."""
    for entries in view.workflows_of.values():
        for entry in entries:
            if entry.document is not None:
                yield entry.use_case, entry.document
    for instance in view.of_kind("Instance"):
        use_case = view.named("UseCase").get(text(spec(instance), "useCase"))
        if use_case is not None:
            yield use_case, instance


def declared(view: View, use_case: Document) -> Mapping[str, frozenset[str] | None]:
    """What placeholders may name in a use case, by root; None when anything goes."""
    entries = view.workflows_of.get(use_case.path, ())
    ids = frozenset(entry.id for entry in entries)
    return {
        "params": parameters(use_case),
        "credentials": frozenset(mapping(spec(use_case), "credentials")),
        "connections": frozenset(
            name for name in items(spec(use_case), "connections") if isinstance(name, str)
        ),
        "workflows": ids,
        "webhooks": ids | frozenset(_http_triggers(entries)),
    }


def _http_triggers(entries: tuple[WorkflowEntry, ...]) -> Iterator[str]:
    for entry in entries:
        yield from (text(trigger, "id") for _, trigger in entry.triggers if text(trigger, "type") == "http")


def parameters(use_case: Document) -> frozenset[str] | None:
    """The names of the declared parameters; None when they cannot be known."""
    found = mapping(spec(use_case)).get("parameters")
    if found is None:
        return frozenset()
    if not isinstance(found, Mapping):
        return None
    try:
        schema = parameters_schema(found)
    except ValueError:
        return None
    if any(key in schema for key in ("$ref", "allOf", "anyOf", "oneOf", "patternProperties", "if")):
        return None
    return frozenset(mapping(schema, "properties"))


def unused_parameter(view: View) -> Iterator[Finding]:
    for use_case, used in _used(view):
        for name in sorted((parameters(use_case) or frozenset()) - used.get("params", frozenset())):
            if "params" in used and "" in used["params"]:
                break
            pointer = _parameter_pointer(use_case, name)
            hint = f"use it as $[[ params.{name} ]], or remove it"
            yield at(use_case, pointer, f'no workflow uses the parameter "{name}"', hint, key=True)


def _parameter_pointer(use_case: Document, name: str) -> str:
    found = mapping(spec(use_case), "parameters")
    for index, field in enumerate(items(found, "fields")):
        if text(field, "key") == name:
            return f"/spec/parameters/fields/{index}"
    return (
        f"/spec/parameters/properties/{name}" if name in mapping(found, "properties") else "/spec/parameters"
    )


def unused_connection(view: View) -> Iterator[Finding]:
    for use_case, used in _used(view):
        if "" in used.get("connections", frozenset()):
            continue
        for index, name in enumerate(items(spec(use_case), "connections")):
            if isinstance(name, str) and name not in used.get("connections", frozenset()):
                message = f'no workflow uses the connection "{name}"'
                hint = f"use it as $[[ connections.{name}.url ]], or remove it"
                yield at(use_case, f"/spec/connections/{index}", message, hint)


def unused_credential(view: View) -> Iterator[Finding]:
    for use_case, used in _used(view):
        secrets = _secrets_used(view, use_case)
        for name in sorted(mapping(spec(use_case), "credentials")):
            if name not in used.get("credentials", frozenset()) and name not in secrets:
                hint = f"list it in a workflow's use.secrets and read it as $secrets.{name}, or remove it"
                pointer = f"/spec/credentials/{name}"
                yield at(use_case, pointer, f'no workflow uses the credential "{name}"', hint, key=True)


def _secrets_used(view: View, use_case: Document) -> frozenset[str]:
    found: set[str] = set()
    for entry in view.workflows_of.get(use_case.path, ()):
        if entry.document is not None:
            found.update(
                name for name in items(entry.document.value, "use", "secrets") if isinstance(name, str)
            )
    return frozenset(found)


def _used(view: View) -> Iterator[tuple[Document, Mapping[str, frozenset[str]]]]:
    """For each use case whose workflows could all be read and are native: names used, by placeholder root;
    "" among them when some name is computed."""
    for path, entries in view.workflows_of.items():
        documents = [entry.document for entry in entries if entry.document is not None]
        if len(documents) < len(entries) or any(document.kind != "Workflow" for document in documents):
            continue
        if any(entry.use_case.path != path for entry in entries):
            continue
        found: dict[str, set[str]] = {}
        for document in documents:
            for use in _uses(document):
                for reference in use.references:
                    root, _, rest = reference.partition(".")
                    found.setdefault(root, set()).add(rest.split(".")[0])
        yield entries[0].use_case, {root: frozenset(used) for root, used in found.items()}


def misplaced(view: View) -> Iterator[Finding]:
    for document in view.documents:
        if document.kind not in _RESOLVED_IN:
            for pointer, _ in scalars(document.value):
                if document.kind != "UseCase" or not _is_prose(pointer):
                    message = f"placeholders are not resolved in a {document.kind} document"
                    hint = "they belong in workflows, and in the parameters of instances"
                    yield at(document, pointer, message, hint)
    for instance in view.of_kind("Instance"):
        for pointer, _ in scalars(instance.value):
            if not pointer.startswith("/spec/parameters"):
                message = "an instance resolves placeholders only in its parameters"
                yield at(instance, pointer, message, "write the value itself")


def _is_prose(pointer: str) -> bool:
    return pointer.startswith(
        ("/spec/description", "/spec/releaseNotes", "/spec/title", "/spec/subtitle")
    ) or (pointer.endswith("/description"))


def in_key(view: View) -> Iterator[Finding]:
    for document in view.documents:
        for pointer, key, _ in walk(document.value):
            if OPENING in key:
                message = "a placeholder cannot stand in a key"
                hint = "keys are structure: they are the same in every instance"
                yield at(document, pointer, message, hint, key=True)


def in_expression(view: View) -> Iterator[Finding]:
    for kind in ("Workflow", "N8nWorkflow"):
        for document in view.of_kind(kind):
            for use in _uses(document):
                if use.document.kind == "Workflow" and _is_code(use) and not _is_literal(use.expression):
                    message = "a placeholder inside a run-time expression becomes part of its program"
                    hint = f"end it with `| tojson`, so that it is always one literal: $[[ {use.expression[:80]} | tojson ]]"
                    yield at(document, use.pointer, message, hint)


def _is_code(use: Use) -> bool:
    """Whether the text around a placeholder is jq source."""
    return use.scalar.lstrip().startswith("${") or use.pointer.endswith(("/when", "/while", "/if"))


def _is_literal(expression: str) -> bool:
    try:
        return ends_in_filter(expression, "tojson")
    except PlaceholderError:
        return True  # unreadable: another rule's finding
