"""What is wrong with a document before it runs: the same answer that compiling gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding. `pointer` is the JSON Pointer into the document; `kind` is stable: `expression`,
    `flow-target`, `unknown-function`, `unknown-reference`, `duplicate-task`, `task-kind`, `duration`,
    `schema`, `unsupported`, `secret`, `unreachable`, `dead-end`, `limit`. A finding of severity `warning`
    does not keep the document from compiling."""

    pointer: str
    kind: str
    message: str
    hint: str = ""
    severity: str = "error"


class InvalidWorkflow(ValueError):
    """The document cannot run; `problems` says why, in document order."""

    def __init__(self, found: Sequence[Problem]) -> None:
        self.problems = tuple(found)
        errors = [problem for problem in found if problem.severity == "error"]
        lines = [f"{problem.pointer or '/'}: {problem.message}" for problem in errors[:10]]
        more = f" … and {len(errors) - 10} more" if len(errors) > 10 else ""
        super().__init__("; ".join(lines) + more)
