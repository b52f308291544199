"""`do`: tasks in sequence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from caseway_runner.activation import Activation
from caseway_runner.interpret import run_nested
from caseway_runner.program import TaskList
from caseway_runner.scope import Scope

KEYS = frozenset({"do"})


@dataclass(frozen=True, slots=True)
class DoBody:
    """The nested tasks."""

    tasks: TaskList
    nature: ClassVar[str] = "composite"

    async def run(self, activation: Activation) -> Any:
        """The output of the last task."""
        return await run_nested(activation, self.tasks, activation.input)


def compile_body(source: Mapping[str, Any], scope: Scope) -> DoBody:
    """A list of tasks."""
    return DoBody(scope.at("do").tasks(source["do"], "/do"))
