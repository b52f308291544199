"""Which tasks of a workflow its tests have visited. No effects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Coverage:
    """Task coverage of one workflow: references in document order, and those no test started."""

    workflow: str
    tasks: tuple[str, ...]
    missed: tuple[str, ...]

    @property
    def percent(self) -> float:
        """Visited tasks of a hundred; 100 for a workflow without tasks."""
        return 100.0 * (1 - len(self.missed) / len(self.tasks)) if self.tasks else 100.0


def coverage(workflow: str, document: Mapping[str, Any], visited: Iterable[str]) -> Coverage:
    """What `visited` (task references) leaves out of `document`."""
    seen = set(visited)
    tasks = tuple(references(document.get("do", ()), "/do"))
    return Coverage(workflow, tasks, tuple(task for task in tasks if task not in seen))


def references(tasks: Any, pointer: str) -> Iterator[str]:
    """The references of `tasks` and of the tasks inside them, in document order."""
    if not isinstance(tasks, (list, tuple)):
        return
    for at, entry in enumerate(tasks):
        if not isinstance(entry, Mapping):
            continue
        for name, task in entry.items():
            here = f"{pointer}/{at}/{str(name).replace('~', '~0').replace('/', '~1')}"
            yield here
            if isinstance(task, Mapping):
                yield from _inside(task, here)


def _inside(task: Mapping[str, Any], here: str) -> Iterator[str]:
    for key in ("do", "try"):
        yield from references(task.get(key), f"{here}/{key}")
    for key in ("fork", "catch", "listen"):
        inner = task.get(key)
        if isinstance(inner, Mapping):
            yield from references(inner.get("branches"), f"{here}/{key}/branches")
            yield from references(inner.get("do"), f"{here}/{key}/do")
