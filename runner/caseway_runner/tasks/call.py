"""`call`: a protocol of the DSL, or a function of use.functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from caseway_runner.activation import Activation
from caseway_runner.calls import CALLS
from caseway_runner.calls.approval import NAMES, compile_approval
from caseway_runner.calls.catalog import compile_catalog
from caseway_runner.catalog import DEFAULT, function_path, parse_reference
from caseway_runner.connections.function import compile_function
from caseway_runner.connections.registry import FUNCTIONS, function_named
from caseway_runner.errors import LimitExceeded
from caseway_runner.interpret import run_function
from caseway_runner.program import Body
from caseway_runner.scope import Scope, suggest
from caseway_runner.template import Template

KEYS = frozenset({"call", "with"})


@dataclass(frozen=True, slots=True)
class FunctionBody:
    """A call of a function: a reusable task that gets the arguments as its input."""

    function: str
    arguments: Template | None
    nature: ClassVar[str] = "composite"

    async def run(self, activation: Activation) -> Any:
        """The function's output; without arguments the function gets the task's input."""
        value = activation.input if self.arguments is None else await activation.fill(self.arguments)
        limit = activation.run.session.ports.policy.limits.depth
        if activation.position.count("/()") >= limit:
            raise LimitExceeded(f"functions call each other deeper than {limit}")
        return await run_function(activation, activation.run.program.functions[self.function], value)


def compile_body(source: Mapping[str, Any], scope: Scope) -> Body | None:
    """`call` and `with`."""
    name = scope.text(source, "call")
    if name in CALLS:
        return CALLS[name](source, scope)
    place = scope.at("call")
    functions = scope.draft.use.get("functions", {})
    if name not in functions:
        if name in NAMES and not ("@" in name and DEFAULT in scope.draft.use.get("catalogs", {})):
            return compile_approval(source, scope)
        ready = function_named(name)
        if ready is not None and not ("@" in name and DEFAULT in scope.draft.use.get("catalogs", {})):
            return compile_function(ready, source, scope)
        if is_elsewhere(name):
            return _from_catalog(name, source, scope)
        hint = suggest(name, [*functions, *CALLS, "approval", *FUNCTIONS])
        place.report(
            "unknown-function", f"there is no function '{name[:80]}'", hint or "define it in use.functions"
        )
        return None
    return FunctionBody(name, _arguments(source, scope))


def is_elsewhere(name: str) -> bool:
    """Whether the function is one of a catalog."""
    return "://" in name or parse_reference(name) is not None


def _from_catalog(name: str, source: Mapping[str, Any], scope: Scope) -> Body | None:
    reference = parse_reference(name)
    catalogs = scope.draft.use.get("catalogs", {})
    if reference is not None and reference.catalog == DEFAULT and DEFAULT not in catalogs:
        path = function_path(reference.name, reference.version)
        scope.at("call").report(
            "unknown-function", f"there is no function '{name[:80]}' in the project", f"define it in {path}"
        )
        return None
    return compile_catalog(name, reference, _arguments(source, scope), scope)


def _arguments(source: Mapping[str, Any], scope: Scope) -> Template | None:
    if "with" not in source:
        return None
    arguments = scope.at("with").mapping(source["with"], None)
    return scope.at("with").template(dict(arguments)) if arguments is not None else None
