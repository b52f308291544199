"""CW526: a name that two functions have is said in full, or one of them gets another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import caseway_runner as runner
from caseway.repo.rules.rule import Finding, at
from caseway.repo.rules.shape import mapping, walk
from caseway.repo.rules.view import View

if TYPE_CHECKING:
    from caseway.repo.load import Document

BUILT_IN = frozenset({*runner.CONNECTION_FUNCTIONS, "approval"})
VERSION = "1.0.0"  # of the functions that come with the runner


def ambiguous_function(view: View) -> Iterator[Finding]:
    for document in view.of_kind("Workflow"):
        own = mapping(document.value, "use", "functions")
        for pointer, name in view.once(("called", id(document)), lambda: _called(document)):  # noqa: B023 - asked at once
            bare, _, rest = name.partition(":")
            if bare not in BUILT_IN:
                continue
            if not rest and name in own:
                message = f'"{name}" is a function of this workflow, and one that comes with Caseway'
                hint = f"write {name}:{VERSION}@default for Caseway's, or give your own another name"
                yield at(document, pointer, message, hint)
            elif rest and runner.function_path(bare, rest.partition("@")[0]) in view.files:
                message = f'"{name}" is a function of this project, and one that comes with Caseway'
                hint = f"give functions/{bare} another name"
                yield at(document, pointer, message, hint)


def _called(document: Document) -> tuple[tuple[str, str], ...]:
    """Where each task that calls a function says so, and which."""
    return tuple(
        (f"{pointer}/call", node["call"]) for pointer, _, node in walk(document.value) if _is_call(node)
    )


def _is_call(node: Any) -> bool:
    return isinstance(node, dict) and isinstance(node.get("call"), str)
