"""`call: sql` and its like: one function of the default catalog that does something with a connection.

Extension: a module with a `run`, and a line in `registry.FUNCTIONS`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar, TypeVar

from caseway_runner.activation import Activation
from caseway_runner.connections.connection import Connection, named
from caseway_runner.errors import fault
from caseway_runner.scope import Scope
from caseway_runner.template import Template

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Call:
    """What a function gets: its arguments, the connection (None when it needs none), and the task's
    activation, for its idempotency key and its limits."""

    arguments: Mapping[str, Any]
    connection: Connection | None
    activation: Activation

    @property
    def to(self) -> Connection:
        """The connection of a function that needs one."""
        assert self.connection is not None  # `types` of the function says so
        return self.connection

    @property
    def output_bytes(self) -> int:
        """How much it may give."""
        return self.activation.run.session.ports.policy.limits.output_bytes


@dataclass(frozen=True, slots=True)
class Function:
    """One function. `types` are the types of connection it takes, none when it needs none; `module` has its
    `run(call)` and is imported when it is called first."""

    name: str
    module: str
    types: frozenset[str]
    required: tuple[str, ...]
    optional: tuple[str, ...]

    @property
    def keys(self) -> frozenset[str]:
        """All that its `with` may hold."""
        return frozenset({*self.required, *self.optional, *(("connection",) if self.types else ())})

    async def run(self, call: Call) -> Any:
        """The function's output."""
        return await import_module(f"caseway_runner.connections.{self.module}").run(call)


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """A compiled call of such a function."""

    function: Function
    arguments: Template
    nature: ClassVar[str] = "effect"

    async def run(self, activation: Activation) -> Any:
        """The function's output."""
        arguments = await activation.fill(self.arguments)
        is_stubbed, answer = activation.stubbed(self.function.name, arguments)
        if is_stubbed:
            return answer
        connection = None
        if self.function.types:
            name = arguments["connection"]
            if not isinstance(name, str):
                raise fault("expression", "`connection` is not a name")
            connection = named(activation.run.session.ports, name, self.function.types)
        return await self.function.run(Call(arguments, connection, activation))


def compile_function(function: Function, source: Mapping[str, Any], scope: Scope) -> FunctionCall | None:
    """`with` of the function: unknown and missing arguments are problems of the document."""
    place = scope.at("with")
    required = (*(("connection",) if function.types else ()), *function.required)
    fields = place.mapping(source.get("with", {}), function.keys, required)
    return None if fields is None else FunctionCall(function, place.template(dict(fields)))


async def in_thread(work: Callable[[], _Value]) -> _Value:
    """The answer of a library that blocks. When the task is cancelled nobody waits for it any more; its own
    timeout ends it."""
    return await asyncio.to_thread(work)


def needs(package: str, error: ImportError) -> Exception:
    """The fault for a library that is not installed."""
    return fault("configuration", f"this needs the package {package}: install caseway[functions] ({error})")
