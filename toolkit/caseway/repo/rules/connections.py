"""CW320 and CW321: what a function of the catalog connects to is declared, and of a type it can use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import caseway_runner as runner
from caseway.repo.rules.rule import Finding, at
from caseway.repo.rules.shape import items, suggestion, text, walk
from caseway.repo.rules.view import View, WorkflowEntry, spec

if TYPE_CHECKING:
    from caseway.repo.load import Document


def undeclared_connection(view: View) -> Iterator[Finding]:
    for entry, document, (pointer, _, name) in _named(view):
        declared = {item for item in items(spec(entry.use_case), "connections") if isinstance(item, str)}
        if name not in declared:
            yield at(
                document,
                pointer,
                f'use case "{entry.use_case.name}" does not declare connection "{name}"',
                suggestion(name, declared, f"add {name} to `connections` of {entry.use_case.path}"),
            )


def unfit_connection(view: View) -> Iterator[Finding]:
    known = view.named("Connection")
    for _, document, (pointer, function, name) in _named(view):
        kind = text(spec(known[name]), "type") if name in known else ""
        wanted = runner.CONNECTION_FUNCTIONS[function].types
        if kind and kind not in wanted:
            yield at(
                document,
                pointer,
                f'function {function} cannot use connection "{name}", which is of type {kind}',
                f"it needs one of type {' or '.join(sorted(wanted))}",
            )


def _named(view: View) -> Iterator[tuple[WorkflowEntry, Document, tuple[str, str, str]]]:
    """Workflow, place, function and connection of every call that names one literally."""
    for entry in view.workflows:
        if entry.document is None or entry.document.kind != "Workflow":
            continue
        for found in _calls(view, entry.document):
            yield entry, entry.document, found


def _calls(view: View, document: Document) -> tuple[tuple[str, str, str], ...]:
    return view.once(("connections", id(document)), lambda: tuple(_within(document.value)))


def _within(value: Any) -> Iterator[tuple[str, str, str]]:
    """Place, function and connection of each call in a document."""
    for pointer, _, node in walk(value):
        called = node.get("call") if isinstance(node, dict) else None  # a dict in a task that is named so
        if isinstance(called, str) and called in runner.CONNECTION_FUNCTIONS:
            name = text(node, "with", "connection")
            if name and "$" not in name:
                yield f"{pointer}/with/connection", called, name
