"""Which tasks of a workflow its tests have visited, and which ways they have taken. No effects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from caseway_runner import Entry, Outcome, Status, TaskRecord, reference_of, task_references


@dataclass(frozen=True, slots=True)
class Coverage:
    """Coverage of one workflow: the references of its tasks in document order and those no test started; the
    ways that can be taken (`/do/1/decide case large`), and those no test took."""

    workflow: str
    tasks: tuple[str, ...]
    missed: tuple[str, ...]
    branches: tuple[str, ...] = ()
    missed_branches: tuple[str, ...] = ()

    @property
    def percent(self) -> float:
        """Visited tasks of a hundred; 100 for a workflow without tasks."""
        return _percent(self.tasks, self.missed)

    @property
    def branch_percent(self) -> float:
        """Ways taken of a hundred; 100 for a workflow that has but one."""
        return _percent(self.branches, self.missed_branches)


def _percent(all_of_them: tuple[str, ...], missed: tuple[str, ...]) -> float:
    return 100.0 * (1 - len(missed) / len(all_of_them)) if all_of_them else 100.0


def coverage(
    workflow: str, document: Mapping[str, Any], visited: Iterable[str], taken: Iterable[str] = ()
) -> Coverage:
    """What `visited` (task references) and `taken` (ways) leave out of `document`."""
    seen, gone = set(visited), set(taken)
    tasks = task_references(document)
    ways = tuple(branches(document))
    return Coverage(
        workflow,
        tasks,
        tuple(task for task in tasks if task not in seen),
        ways,
        tuple(way for way in ways if way not in gone),
    )


def branches(document: Mapping[str, Any]) -> Iterator[str]:
    """The ways that can be taken, in document order: both sides of an `if`, each case of a `switch`, a `try`
    that catches and one that need not."""
    for reference in task_references(document):
        task = _at(document, reference)
        if "if" in task:
            yield f"{reference} if true"
            yield f"{reference} if false"
        cases = [item for item in task.get("switch", ()) if isinstance(item, Mapping)]
        for case in cases:
            yield from (f"{reference} case {name}" for name in case)
        if cases and all("when" in (value or {}) for case in cases for value in case.values()):
            yield f"{reference} no case"
        if "try" in task:
            yield f"{reference} no error"
            yield f"{reference} catch"


def _at(document: Mapping[str, Any], reference: str) -> Mapping[str, Any]:
    value: Any = document
    for step in reference.split("/")[1:]:
        value = value[int(step)] if isinstance(value, list | tuple) else value[_unescaped(step)]
    return value if isinstance(value, Mapping) else {}


def _unescaped(step: str) -> str:
    return step.replace("~1", "/").replace("~0", "~")


def taken(outcome: Outcome, entries: Iterable[Entry]) -> Iterator[str]:
    """The ways that one run took, by its records and its journal."""
    for record in outcome.tasks:
        yield f"{record.reference} if true"
        if record.kind == "try":
            yield f"{record.reference} {'catch' if _has_caught(record, outcome.tasks) else 'no error'}"
    for entry in entries:
        reference = reference_of(entry.position)
        if entry.kind == "skipped":
            yield f"{reference} if false"
        elif entry.kind == "completed" and isinstance(entry.data, Mapping) and not entry.data.get("case"):
            yield f"{reference} no case"
        elif entry.kind == "completed" and isinstance(entry.data, Mapping):
            yield f"{reference} case {entry.data['case']}"


def _has_caught(record: TaskRecord, records: Iterable[TaskRecord]) -> bool:
    """Whether a task that is tried has faulted; one that its filters let pass ended the `try` with it."""
    is_within = f"{record.reference}/try/"
    return record.status is Status.COMPLETED and any(
        item.status is Status.FAULTED and item.reference.startswith(is_within) for item in records
    )
