"""CW5xx, the runner's part: a workflow is valid when the runner compiles it; its problems become findings.

The one rule: nothing is judged twice. What `caseway_runner.problems` looks at is looked at nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from caseway.model.diagnostic import Severity
from caseway.repo.functions import inlined
from caseway.repo.placeholders import OPENING
from caseway.repo.rules.rule import Finding, at
from caseway.repo.rules.shape import items, text
from caseway.repo.rules.view import View, spec
from caseway.repo.schema import suspicions
from caseway_runner import Problem, compile_expression, problems

if TYPE_CHECKING:
    from caseway.repo.load import Document

# The schema room reports these itself, with better words; repeating them would bury the rest.
_SAID_ELSEWHERE = frozenset({"schema", "task-kind"})


def of_kind(kind: str) -> Callable[[View], Iterator[Finding]]:
    """The check that reports the runner's problems of one kind."""

    def check(view: View) -> Iterator[Finding]:
        for document in view.of_kind("Workflow"):
            for problem in _problems(view, document):
                if problem.kind == kind and not _awaits_a_value(document, problem.pointer):
                    yield _finding(document, problem, problem.message)

    return check


def other(known: frozenset[str]) -> Callable[[View], Iterator[Finding]]:
    """The check that reports problems of kinds that have no code of their own, so that none is lost."""

    def check(view: View) -> Iterator[Finding]:
        for document in view.of_kind("Workflow"):
            for problem in _problems(view, document):
                is_said = problem.kind in known or (problem.kind in _SAID_ELSEWHERE and not document.is_valid)
                if not is_said and not _awaits_a_value(document, problem.pointer):
                    yield _finding(document, problem, f"{problem.message} ({problem.kind})")

    return check


def _finding(document: Document, problem: Problem, message: str) -> Finding:
    finding = at(document, problem.pointer, message, problem.hint)
    return replace(finding, severity=Severity.WARNING) if problem.severity == "warning" else finding


def _problems(view: View, document: Document) -> tuple[Problem, ...]:
    return view.once(("problems", id(document)), lambda: tuple(problems(_whole(view, document))))


def _whole(view: View, document: Document) -> Any:
    """The document with what it takes from other files, if it may take anything."""
    is_alone = view.marks(document).noted.isdisjoint(("resource", "source"))
    return (
        document.value
        if is_alone and "functions" not in view.project.folders
        else inlined(view.project, document.value)
    )


def _awaits_a_value(document: Document, pointer: str) -> bool:
    """Whether what is wrong there is only known once a placeholder is resolved."""
    node = document.value
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(node, dict) and key in node:
            node = node[key]
        elif isinstance(node, list) and key.isdigit() and int(key) < len(node):
            node = node[int(key)]
        else:
            return False
    return isinstance(node, str) and OPENING in node


def idle_key(view: View) -> Iterator[Finding]:
    for document in view.of_kind("Workflow"):
        if document.is_valid:
            for found in suspicions("Workflow", document.value, is_plain=True):
                yield at(document, found.pointer, f"{found.message} (nothing reads it)", found.hint, key=True)


def test_expression(view: View) -> Iterator[Finding]:
    for test in view.of_kind("WorkflowTest"):
        for index, assertion in enumerate(items(spec(test), "expect", "assertions")):
            pointer = f"/spec/expect/assertions/{index}"
            score = text(assertion, "score")
            if isinstance(assertion, str) and (message := _broken(assertion)):
                yield at(test, pointer, message)
            elif score and (message := _broken(score)):
                yield at(test, f"{pointer}/score", message)


@lru_cache(maxsize=4096)
def _broken(expression: str) -> str:
    try:
        compile_expression(expression)
    except ValueError as error:
        return f"the expression does not compile: {error}"
    return ""
