"""Follows a running execution: what its tasks do, as it becomes visible, until its end.

Rule: nothing is left out; after a broken connection something may be told twice."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from caseway.model.errors import CasewayError
from caseway.operations.operation import Event, Follow, Look
from caseway.operations.shape import facts_of
from caseway.platform import executions
from caseway.platform.bundle import Platform
from caseway.platform.executions import ExecutionView, TaskView
from caseway.platform.tables.types import instant, moment

ENDED = frozenset({"completed", "faulted", "cancelled"})
AT_REST = frozenset({*ENDED, "suspended"})
MARGIN = timedelta(seconds=30)  # what is written late has an earlier time than what was told before it


def following(platform: Platform, execution_id: str, organization: str) -> Follow:
    """Looks at the execution; every look tells what is new since the one before."""
    return _Following(platform, execution_id, organization).look


class _Following:
    """What was told in one connection."""

    def __init__(self, platform: Platform, execution_id: str, organization: str) -> None:
        self._platform = platform
        self._id = execution_id
        self._organization = organization
        self._told: dict[str, tuple[str, int]] = {}
        self._status = ""
        self._is_begun = False

    def look(self, after: str) -> Look:
        """What is new; `after` counts at the first look, where another connection broke."""
        view = executions.get_execution(self._platform, self._id, organization=self._organization)
        tasks = executions.tasks(self._platform, self._id)
        if not self._is_begun and after:
            self._skip(tasks, after)
        self._is_begun = True
        now = instant(self._platform.clock())
        found = [*self._changed(tasks), *self._of_status(view)]
        events = [Event(f"{now}/{at}", kind, data) for at, (kind, data) in enumerate(found)]
        return Look(events, view.status in AT_REST)

    def _skip(self, tasks: Iterable[TaskView], after: str) -> None:
        """Leave out what was told before, with a margin."""
        try:
            since = instant(moment(after.partition("/")[0]) - MARGIN)
        except ValueError as error:
            raise CasewayError(
                "this Last-Event-ID is none of this stream", code="cursor", hint="leave it out to begin anew"
            ) from error
        for task in tasks:
            if (task.ended_at or task.started_at) < since and task.ended_at:
                self._told[task.position] = (task.status, task.attempts)

    def _changed(self, tasks: Iterable[TaskView]) -> list[tuple[str, dict[str, Any]]]:
        found = []
        for task in tasks:
            now = (task.status, task.attempts)
            if self._told.get(task.position) != now:
                self._told[task.position] = now
                found.append(("task", facts_of(task)))
        return found

    def _of_status(self, view: ExecutionView) -> list[tuple[str, dict[str, Any]]]:
        if view.status == self._status:
            return []
        self._status = view.status
        facts = facts_of(view)
        shown = ("id", "status", "reason", "startedAt", "endedAt", "output", "error")
        return [("execution", {name: facts[name] for name in shown})]
