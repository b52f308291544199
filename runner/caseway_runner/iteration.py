"""`foreach` of a subscription: what is done with each message or event, one after the other.

The item is the input of the tasks, and available under its name; output and export apply to their result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from caseway_runner.activation import Activation
from caseway_runner.errors import fault
from caseway_runner.interpret import run_nested
from caseway_runner.program import Pipe, TaskList
from caseway_runner.scope import TASK_BODY, TASK_EXPORT, Scope

_NO_PIPE = Pipe()


@dataclass(frozen=True, slots=True)
class Iteration:
    """The names of the item and its index, the tasks, and the transformations of what comes out."""

    item: str
    at: str
    tasks: TaskList | None
    output: Pipe
    export: Pipe

    async def run(self, activation: Activation, value: Any, index: int) -> Any:
        """What becomes of one item. Replays like any round of a loop."""
        names = {self.item: value, self.at: index}
        result = value
        if self.tasks is not None:
            result = await run_nested(activation, self.tasks, value, suffix=f"#{index}", variables=names)
        result = await _piped(activation, self.output, result, names, "item's output")
        if self.export.transform is not None:
            context = await _piped(
                activation, self.export, result, {**names, "output": result}, "exported context"
            )
            activation.strand.context = context
        return result


async def _piped(activation: Activation, pipe: Pipe, value: Any, names: Mapping[str, Any], what: str) -> Any:
    if pipe.transform is not None:
        value = await pipe.transform.fill(lambda item: activation.evaluate_on(item, value, **names))
    complaint = (await pipe.shape.loaded(activation)).complaint(value) if pipe.shape is not None else ""
    if complaint:
        raise fault("validation", f"the {what} does not match its schema: {complaint}")
    return value


def compile_iteration(value: Any, scope: Scope, step: str) -> Iteration | None:
    """A `foreach`; `step` is how references reach it from the task (`/foreach`)."""
    fields = scope.mapping(value, {"item", "at", "do", "output", "export"})
    if fields is None:
        return None
    item, at = scope.variable(fields, "item", "item"), scope.variable(fields, "at", "index")
    inner = scope.knowing(item, at)
    return Iteration(
        item=item,
        at=at,
        tasks=inner.at("do").tasks(fields["do"], f"{step}/do") if "do" in fields else None,
        output=_pipe(fields, "output", inner, TASK_BODY),
        export=_pipe(fields, "export", inner, TASK_EXPORT),
    )


def _pipe(fields: Mapping[str, Any], key: str, scope: Scope, roots: frozenset[str]) -> Pipe:
    if key not in fields:
        return _NO_PIPE
    place = scope.at(key)
    parts = place.mapping(fields[key], {"schema", "as"})
    if parts is None:
        return _NO_PIPE
    return Pipe(
        place.at("as").transform(parts["as"], roots) if "as" in parts else None,
        place.at("schema").schema(parts["schema"]) if "schema" in parts else None,
    )
