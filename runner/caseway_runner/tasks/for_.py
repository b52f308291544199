"""`for`: tasks once for each item. Each round's output is the next round's input; the last is the result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from caseway_runner.activation import Activation
from caseway_runner.errors import fault
from caseway_runner.expression import Expression
from caseway_runner.interpret import run_nested
from caseway_runner.program import TaskList
from caseway_runner.scope import Scope

KEYS = frozenset({"for", "while", "do"})


@dataclass(frozen=True, slots=True)
class ForBody:
    """The names of the item and its index, where the items come from, and what to do with each."""

    each: str
    at: str
    items: Expression
    condition: Expression | None
    tasks: TaskList
    nature: ClassVar[str] = "composite"

    async def run(self, activation: Activation) -> Any:
        """The output of the last round, or the input when there is none."""
        items = await activation.evaluate(self.items)
        if items is None:
            items = []
        if not isinstance(items, list):
            raise fault("expression", f"for.in gave {type(items).__name__}, not an array")
        value = activation.input
        for index, item in enumerate(items):
            names = {self.each: item, self.at: index}
            if self.condition is not None and not await self._goes_on(activation, value, names):
                break
            value = await run_nested(activation, self.tasks, value, suffix=f"#{index}", variables=names)
            if activation.has_ended:
                break
        return value

    async def _goes_on(self, activation: Activation, value: Any, names: Mapping[str, Any]) -> bool:
        assert self.condition is not None
        result = await activation.evaluate_on(self.condition, value, **names)
        return result is not None and result is not False


def compile_body(source: Mapping[str, Any], scope: Scope) -> ForBody | None:
    """`for` with `in`, optional `each`, `at`, `while`; and `do`."""
    place = scope.at("for")
    fields = place.mapping(source["for"], {"each", "in", "at"}, ("in",))
    if "do" not in source:
        scope.report("schema", "missing property 'do'")
    if fields is None or "do" not in source:
        return None
    each, at = place.variable(fields, "each", "item"), place.variable(fields, "at", "index")
    inner = scope.knowing(each, at)
    return ForBody(
        each=each,
        at=at,
        items=place.at("in").expression(fields["in"]),
        condition=inner.optional_expression(source, "while"),
        tasks=inner.at("do").tasks(source["do"], "/do"),
    )
