"""`use.extensions`: tasks that run before and after the tasks of a kind.

Rule: what they give is not passed on; only a `before` that says `exit` replaces the task, with its output.
Extensions are not extended themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from caseway_runner.activation import Activation
from caseway_runner.expression import Expression
from caseway_runner.interpret import run_function, run_list
from caseway_runner.program import Body, Pipe, Task, TaskList
from caseway_runner.scope import TASK_BODY, Scope

_KINDS = ("all", "call", "composite", "emit", "for", "listen", "raise", "run", "set", "switch", "try", "wait")
_COMPOSITES = frozenset({"do", "for", "fork", "try"})


@dataclass(frozen=True, slots=True)
class Extension:
    """What to run around which tasks."""

    extend: str
    condition: Expression | None
    before: TaskList | None
    after: TaskList | None

    def applies_to(self, kind: str) -> bool:
        """Whether tasks of `kind` are extended."""
        return self.extend in {"all", kind} or (self.extend == "composite" and kind in _COMPOSITES)

    async def holds(self, activation: Activation) -> bool:
        """Whether it applies now; `$task` has the members of the task's definition, too."""
        if self.condition is None:
            return True
        task = {**activation.task.definition, **activation.descriptor()}
        return await activation.is_true(self.condition, task=task)


@dataclass(frozen=True, slots=True)
class ExtendedBody:
    """A task with its extensions around it."""

    inner: Task
    extensions: tuple[Extension, ...]
    nature: ClassVar[str] = "composite"

    @property
    def targets(self) -> Any:
        """Where a `switch` may go to."""
        return getattr(self.inner.body, "targets", ())

    @property
    def has_default(self) -> bool:
        """Whether a `switch` goes somewhere in any case."""
        return bool(getattr(self.inner.body, "has_default", False))

    async def run(self, activation: Activation) -> Any:
        """The task's output, or that of a `before` that left with `exit`."""
        applying = [one for one in self.extensions if await one.holds(activation)]
        for one in applying:
            if one.before is None:
                continue
            output, directive = await run_list(activation, one.before, activation.input)
            if directive != "continue":
                activation.has_ended = directive == "end"
                return output
        output = await run_function(activation, self.inner, activation.input, mark="/^")
        for one in applying:
            if one.after is not None and not activation.has_ended:
                _, directive = await run_list(activation, one.after, output)
                activation.has_ended = directive == "end"
        return output


def extended(task: Task, extensions: tuple[Extension, ...]) -> Task:
    """`task` with the extensions that apply to its kind."""
    applying = tuple([one for one in extensions if one.applies_to(task.kind)])
    if not applying:
        return task
    bare: Mapping[str, Any] = {"input": Pipe(), "output": Pipe(), "export": Pipe()}
    inner = replace(task, condition=None, timeout=None, **bare)
    body: Body = ExtendedBody(inner, applying)
    return replace(task, body=body)


def compile_extensions(value: Any, scope: Scope) -> tuple[Extension, ...]:
    """The list of `use.extensions`, each an object with one key: its name."""
    if not isinstance(value, list):
        scope.report("schema", "expected a list of extensions, each an object with one key: its name")
        return ()
    found = []
    for at, item in enumerate(value):
        if not isinstance(item, Mapping) or len(item) != 1:
            scope.at(at).report("schema", "expected an object with one key: the extension's name")
            continue
        name = str(next(iter(item)))
        extension = _extension(name, item[name], scope.at(at, name))
        if extension is not None:
            found.append(extension)
    return tuple(found)


def _extension(name: str, value: Any, scope: Scope) -> Extension | None:
    fields = scope.mapping(value, {"extend", "when", "before", "after"}, ("extend",))
    if fields is None:
        return None
    step = f"/extensions/{name}"
    return Extension(
        extend=scope.choice(fields, "extend", _KINDS),
        condition=scope.optional_expression(fields, "when", TASK_BODY),
        before=scope.at("before").tasks(fields["before"], f"{step}/before") if "before" in fields else None,
        after=scope.at("after").tasks(fields["after"], f"{step}/after") if "after" in fields else None,
    )
