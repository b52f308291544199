"""The expressions of placeholders: Jinja2's grammar, read by Jinja2's parser, interpreted from a white list.

The one rule: nothing is compiled to Python and nothing is called. There are no statements, loops, function or
method calls and no attributes of Python objects, so there is nothing to escape from; every step that can grow
a text is bounded. Undefined names are errors unless a `default` filter answers for them.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

from jinja2 import nodes
from jinja2.environment import Environment
from jinja2.exceptions import TemplateSyntaxError
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from caseway.model.canonical import Json, JsonObject
from caseway.repo.placeholder_error import PlaceholderError
from caseway.repo.placeholder_filters import FILTERS, MAX_TEXT, TESTS

MAX_EXPRESSION = 1_000


class _Undefined(PlaceholderError):
    """A name or member that the context does not have: what `default` and `is defined` look for."""


_LIMITS: Mapping[str, str] = {
    "Call": "functions and methods cannot be called in a placeholder; use a filter",
    "Pow": "`**` is not allowed in a placeholder",
    "Slice": "slices are not allowed in a placeholder",
}


@lru_cache(maxsize=4096)
def parse(expression: str) -> nodes.Expr:
    """The syntax tree of an allowed expression. Raises PlaceholderError for any other."""
    if len(expression) > MAX_EXPRESSION:
        raise PlaceholderError(f"the placeholder is longer than {MAX_EXPRESSION:,} characters")
    if not expression:
        raise PlaceholderError("the placeholder is empty", hint="for example $[[ params.limit ]]")
    try:
        parser = Parser(_environment(), expression, state="variable")
        tree = parser.parse_expression()
        if not parser.stream.eos:
            raise PlaceholderError(f"unexpected {parser.stream.current.value!r}", expression=expression)
        _allow(tree)
    except TemplateSyntaxError as error:
        raise PlaceholderError(
            f"cannot read the placeholder: {error.message}", expression=expression
        ) from error
    except (RecursionError, ValueError, OverflowError, AssertionError) as error:
        raise PlaceholderError(
            "cannot read the placeholder: it is too deep or too large", expression=expression
        ) from error
    return tree


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return ImmutableSandboxedEnvironment(extensions=(), cache_size=0)


def _allow(node: nodes.Node) -> None:
    if type(node) not in _EVALUATORS and not isinstance(node, (nodes.Pair, nodes.Operand, nodes.Keyword)):
        name = type(node).__name__
        raise PlaceholderError(_LIMITS.get(name, f"{name} is not allowed in a placeholder"))
    if isinstance(node, nodes.Filter):
        _known("filter", node.name, FILTERS)
    if isinstance(node, nodes.Test):
        _known("test", node.name, TESTS)
    if isinstance(node, (nodes.Filter, nodes.Test)) and (node.kwargs or node.dyn_args or node.dyn_kwargs):
        raise PlaceholderError(f"the arguments of {node.name!r} are written in order, without names")
    if isinstance(node, nodes.Getattr) and node.attr.startswith("_"):
        raise PlaceholderError(f"{node.attr!r} is not a member: names do not begin with `_`")
    for child in node.iter_child_nodes():
        _allow(child)


def _known(what: str, name: str, table: Mapping[str, object]) -> None:
    if name not in table:
        raise PlaceholderError(f"unknown {what} {name!r}", hint=f"known: {', '.join(sorted(table))}")


def references(tree: nodes.Expr) -> frozenset[str]:
    """The dotted references of a parsed expression."""
    found: set[str] = set()
    _collect(tree, found)
    return frozenset(found)


def _collect(node: nodes.Node, found: set[str]) -> None:
    path, rest = _path(node)
    if path:
        found.add(".".join(path))
    for child in rest:
        _collect(child, found)


def _path(node: nodes.Node) -> tuple[list[str], list[nodes.Node]]:
    """The known steps of a reference, and the nodes that are still to be looked through."""
    if isinstance(node, nodes.Name):
        return [node.name], []
    if isinstance(node, nodes.Getattr) and _is_reference(node.node):
        path, rest = _path(node.node)
        return (path, rest) if rest else ([*path, node.attr], [])
    if isinstance(node, nodes.Getitem) and _is_reference(node.node):
        path, rest = _path(node.node)
        if not rest and isinstance(node.arg, nodes.Const):
            return [*path, str(node.arg.value)], []
        return path, [*rest, node.arg]
    return [], list(node.iter_child_nodes())


def _is_reference(node: nodes.Node) -> bool:
    if isinstance(node, (nodes.Getattr, nodes.Getitem)):
        return _is_reference(node.node)
    return isinstance(node, nodes.Name)


def outermost_filter(tree: nodes.Expr) -> str:
    """The name of the filter that is applied last, or ""."""
    return tree.name if isinstance(tree, nodes.Filter) else ""


def evaluate(expression: str, context: JsonObject) -> Json:
    """The value of an expression. Raises PlaceholderError when it has none."""
    try:
        value = _evaluate(parse(expression), context)
        if isinstance(value, float) and not math.isfinite(value):
            raise PlaceholderError("the result is not a finite number")
        return cast("Json", value)
    except PlaceholderError as error:
        if not error.expression:
            raise PlaceholderError(error.message, expression=expression, hint=error.hint) from error
        raise
    except RecursionError as error:
        raise PlaceholderError("the placeholder is nested too deeply", expression=expression) from error
    except (ArithmeticError, TypeError, ValueError, LookupError) as error:
        raise PlaceholderError(f"cannot compute the placeholder: {error}", expression=expression) from error


def _evaluate(node: nodes.Node, context: JsonObject) -> Any:
    return _EVALUATORS[type(node)](node, context)


def _name(node: nodes.Name, context: JsonObject) -> Any:
    if node.name in context:
        return context[node.name]
    raise _Undefined(f"{node.name!r} is not defined", hint=f"known here: {', '.join(sorted(context))}")


def _member(holder: Any, key: Any) -> Any:
    if isinstance(holder, Mapping) and isinstance(key, str) and key in holder:
        return holder[key]
    if isinstance(holder, (list, tuple)) and isinstance(key, int) and -len(holder) <= key < len(holder):
        return holder[key]
    known = f"known: {', '.join(sorted(map(str, holder))[:20])}" if isinstance(holder, Mapping) else ""
    raise _Undefined(f"there is no {key!r} here", hint=known)


def _getattr(node: nodes.Getattr, context: JsonObject) -> Any:
    return _member(_evaluate(node.node, context), node.attr)


def _getitem(node: nodes.Getitem, context: JsonObject) -> Any:
    return _member(_evaluate(node.node, context), _evaluate(node.arg, context))


def _filter(node: nodes.Filter, context: JsonObject) -> Any:
    arguments = [_evaluate(argument, context) for argument in node.args]
    assert node.node is not None  # only a filter block has none, and blocks are not read here
    if node.name in ("default", "d"):
        return _default(node.node, arguments, context)
    return FILTERS[node.name](_evaluate(node.node, context), *arguments)


def _default(node: nodes.Expr, arguments: Sequence[Any], context: JsonObject) -> Any:
    fallback = arguments[0] if arguments else ""
    try:
        value = _evaluate(node, context)
    except _Undefined:
        return fallback
    return fallback if len(arguments) > 1 and arguments[1] and not value else value


def _test(node: nodes.Test, context: JsonObject) -> Any:
    arguments = [_evaluate(argument, context) for argument in node.args]
    try:
        value = _evaluate(node.node, context)
    except _Undefined:
        if node.name in ("defined", "undefined"):
            return node.name == "undefined"
        raise
    return bool(TESTS[node.name](value, *arguments))


def _number(value: Any) -> int | float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    raise PlaceholderError(f"a number was expected, not {_kind(value)}")


def _kind(value: Any) -> str:
    kinds = {str: "a text", bool: "a boolean", type(None): "null", dict: "an object", list: "a list"}
    return kinds.get(type(value), f"a {type(value).__name__}")


def _arithmetic(compute: Callable[[Any, Any], Any]) -> Callable[[Any, JsonObject], Any]:
    def evaluated(node: nodes.BinExpr, context: JsonObject) -> Any:
        return compute(_number(_evaluate(node.left, context)), _number(_evaluate(node.right, context)))

    return evaluated


def _add(node: nodes.Add, context: JsonObject) -> Any:
    left, right = _evaluate(node.left, context), _evaluate(node.right, context)
    if isinstance(left, str) and isinstance(right, str):
        return _bounded([left, right])
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        if len(left) + len(right) > MAX_TEXT:
            raise PlaceholderError(f"the list would exceed {MAX_TEXT:,} items")
        return [*left, *right]
    return _number(left) + _number(right)


def _concat(node: nodes.Concat, context: JsonObject) -> str:
    return _bounded([FILTERS["string"](_evaluate(part, context)) for part in node.nodes])


def _bounded(parts: Sequence[str]) -> str:
    if sum(map(len, parts)) > MAX_TEXT:
        raise PlaceholderError(f"the text would exceed {MAX_TEXT:,} characters")
    return "".join(parts)


_COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "lteq": operator.le,
    "gt": operator.gt,
    "gteq": operator.ge,
    "in": lambda left, right: left in right,
    "notin": lambda left, right: left not in right,
}


def _compare(node: nodes.Compare, context: JsonObject) -> bool:
    left = _evaluate(node.expr, context)
    for operand in node.ops:
        right = _evaluate(operand.expr, context)
        if not _COMPARISONS[operand.op](left, right):
            return False
        left = right
    return True


def _condition(node: nodes.CondExpr, context: JsonObject) -> Any:
    if _evaluate(node.test, context):
        return _evaluate(node.expr1, context)
    return _evaluate(node.expr2, context) if node.expr2 is not None else ""


def _object(node: nodes.Dict, context: JsonObject) -> dict[str, Any]:
    pairs = [(_evaluate(pair.key, context), _evaluate(pair.value, context)) for pair in node.items]
    return {FILTERS["string"](key): value for key, value in pairs}


_EVALUATORS: Mapping[type[nodes.Node], Callable[[Any, JsonObject], Any]] = {
    nodes.Const: lambda node, _: cast("nodes.Const", node).value,
    nodes.TemplateData: lambda node, _: cast("nodes.TemplateData", node).data,
    nodes.Name: _name,
    nodes.Getattr: _getattr,
    nodes.Getitem: _getitem,
    nodes.Filter: _filter,
    nodes.Test: _test,
    nodes.Compare: _compare,
    nodes.CondExpr: _condition,
    nodes.Add: _add,
    nodes.Sub: _arithmetic(operator.sub),
    nodes.Mul: _arithmetic(operator.mul),
    nodes.Div: _arithmetic(operator.truediv),
    nodes.FloorDiv: _arithmetic(operator.floordiv),
    nodes.Mod: _arithmetic(operator.mod),
    nodes.Neg: lambda node, context: -_number(_evaluate(node.node, context)),
    nodes.Pos: lambda node, context: _number(_evaluate(node.node, context)),
    nodes.Not: lambda node, context: not _evaluate(node.node, context),
    nodes.And: lambda node, context: _evaluate(node.left, context) and _evaluate(node.right, context),
    nodes.Or: lambda node, context: _evaluate(node.left, context) or _evaluate(node.right, context),
    nodes.Concat: _concat,
    nodes.List: lambda node, context: [_evaluate(item, context) for item in node.items],
    nodes.Tuple: lambda node, context: [_evaluate(item, context) for item in node.items],
    nodes.Dict: _object,
}
