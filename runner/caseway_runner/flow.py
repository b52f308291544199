"""Checks the flow of one task list: targets exist, tasks can be reached, the list can end. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from caseway_runner.scope import Scope

if TYPE_CHECKING:
    from caseway_runner.program import Task

KEYWORDS = frozenset({"continue", "exit", "end"})


def check_flow(tasks: Sequence[Task], places: Sequence[Scope], named: Sequence[str]) -> None:
    """Report unknown targets, unreachable tasks and lists that can never end. `named` are the names that may
    be targets: those of tasks that did not compile too, none when the tasks are no sequence (fork)."""
    known = frozenset(named)
    sound = len(tasks) == len(named) == len(known)
    for task, place in zip(tasks, places, strict=True):
        for target, where in directives(task, place):
            if target not in KEYWORDS and target not in known:
                sound = False
                some = f": {', '.join(named[:10])}" if named else ""
                where.report(
                    "flow-target",
                    f"there is no task '{target[:80]}' in this list",
                    f"flow directives reach only tasks of the same list{some}",
                )
    if sound and tasks:
        _check_reach(tasks, places, {task.name: at for at, task in enumerate(tasks)})


def directives(task: Task, place: Scope) -> list[tuple[str, Scope]]:
    """Every directive of the task with its place: its own `then` and those of switch cases."""
    found = [(task.then, place.at("then"))] if task.then != "continue" else []
    for at, (name, target) in enumerate(getattr(task.body, "targets", ())):
        found.append((target, place.at("switch", at, name, "then")))
    return found


def _check_reach(tasks: Sequence[Task], places: Sequence[Scope], names: dict[str, int]) -> None:
    end = len(tasks)
    follows = [_followers(task, at, end, names) for at, task in enumerate(tasks)]
    reached: set[int] = set()
    todo = [0]
    while todo:
        at = todo.pop()
        if at not in reached:
            reached.add(at)
            todo.extend(follows[at] if at < end else ())
    for at, place in enumerate(places):
        if at not in reached:
            place.report("unreachable", "no path leads to this task", severity="warning")
    if end not in reached:
        places[0].report("dead-end", "the tasks of this list run in a circle for ever", severity="warning")


def _followers(task: Task, at: int, end: int, names: dict[str, int]) -> set[int]:
    def place(target: str) -> int:
        if target == "continue":
            return at + 1
        return end if target in KEYWORDS else names[target]

    found: set[int] = set()
    if task.condition is not None:
        found.add(at + 1)
    if task.kind == "raise":
        found.add(end)
    elif task.kind == "switch":
        found.update(place(target) for _, target in getattr(task.body, "targets", ()))
        if not getattr(task.body, "has_default", False):
            found.add(place(task.then))
    else:
        found.add(place(task.then))
    return found
