"""A compiled workflow: what a Program is made of. Data only; nothing here compiles or runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from caseway_runner.expression import Expression
from caseway_runner.shape import AnyShape
from caseway_runner.template import Template


class Body(Protocol):
    """The compiled specifics of a task. `nature` is `composite` (its children are recorded), `pure` (its
    result is recorded with the next effect) or `effect` (its result is durable before anything follows)."""

    @property
    def nature(self) -> str: ...

    async def run(self, activation: Any) -> Any: ...


@dataclass(frozen=True, slots=True)
class Pipe:
    """One transformation with its schema."""

    transform: Template | None = None
    shape: AnyShape | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """One compiled task. `step` is its reference relative to the enclosing task (`/do/0/fetch`)."""

    name: str
    step: str
    kind: str
    definition: Mapping[str, Any]
    body: Body
    condition: Expression | None = None
    input: Pipe = Pipe()
    output: Pipe = Pipe()
    export: Pipe = Pipe()
    timeout: float | Expression | None = None
    then: str = "continue"


@dataclass(frozen=True, slots=True)
class TaskList:
    """Tasks in order; `index` finds them by name."""

    tasks: tuple[Task, ...]
    index: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Program:
    """A compiled workflow, bound to nothing: run it as often as you like."""

    document: Mapping[str, Any]
    namespace: str
    name: str
    version: str
    tasks: TaskList
    functions: Mapping[str, Task]
    secrets: frozenset[str]
    input: Pipe = Pipe()
    output: Pipe = Pipe()
    timeout: float | Expression | None = None
