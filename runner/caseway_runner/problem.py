"""What is wrong with a document before it runs: the same answer that compiling gives."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding. `pointer` is the JSON Pointer into the document; `kind` is stable: `expression`,
    `flow-target`, `unknown-function`, `unknown-reference`, `duplicate-task`, `task-kind`, `duration`,
    `schema`, `unsupported`, `secret`, `unreachable`, `dead-end`, `limit`."""

    pointer: str
    kind: str
    message: str
    hint: str = ""
