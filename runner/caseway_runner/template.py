"""Values with expressions inside: any JSON of a document, compiled once, filled at run time.

In strict mode a string is an expression only when it is `${ … }`; in loose mode any string may be one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from caseway_runner.errors import Fault
from caseway_runner.expression import Expression

Evaluator = Callable[[Expression], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled value. `node` is a constant, or an Expression, Loose, dict or list that holds some."""

    node: Any
    is_constant: bool

    async def fill(self, evaluate: Evaluator) -> Any:
        """The value with every expression evaluated by `evaluate`."""
        if self.is_constant:
            return self.node
        return await _fill(self.node, evaluate)


@dataclass(frozen=True, slots=True)
class Loose:
    """A loose-mode string: its value when the evaluation succeeds, else the text itself."""

    text: str
    expression: Expression


@dataclass(frozen=True, slots=True)
class Constant:
    """A part without expressions, kept whole."""

    value: Any


async def _fill(node: Any, evaluate: Evaluator) -> Any:
    if isinstance(node, Constant):
        return node.value
    if isinstance(node, Expression):
        return await evaluate(node)
    if isinstance(node, Loose):
        try:
            return await evaluate(node.expression)
        except Fault:
            return node.text
    if isinstance(node, Mapping):
        return {key: await _fill(value, evaluate) for key, value in node.items()}
    assert isinstance(node, list)
    return [await _fill(value, evaluate) for value in node]


def constant(value: Any) -> Template:
    """A template that is always `value`."""
    return Template(value, True)


def assembled(value: Any, on_string: Callable[[str, tuple[str, ...]], Any]) -> Template:
    """Compile `value`; `on_string(text, path)` gives an Expression, a Loose, or None for plain text."""
    node = _node(value, (), on_string)
    return Template(value, True) if isinstance(node, Constant) else Template(node, False)


def _node(value: Any, path: tuple[str, ...], on_string: Callable[[str, tuple[str, ...]], Any]) -> Any:
    if isinstance(value, str):
        compiled = on_string(value, path)
        return Constant(value) if compiled is None else compiled
    if isinstance(value, Mapping):
        nodes = {key: _node(item, (*path, str(key)), on_string) for key, item in value.items()}
        return Constant(value) if all(isinstance(n, Constant) for n in nodes.values()) else nodes
    if isinstance(value, list):
        items = [_node(item, (*path, str(at)), on_string) for at, item in enumerate(value)]
        return Constant(value) if all(isinstance(n, Constant) for n in items) else items
    return Constant(value)
