"""The functions that `call` knows: a module each, listed here.

Each has `compile_call(source, scope)`, which gives a Body or None with findings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from caseway_runner.calls import a2a, asyncapi, grpc, http, mcp, openapi
from caseway_runner.program import Body
from caseway_runner.scope import Scope

CALLS: Mapping[str, Callable[[Mapping[str, Any], Scope], Body | None]] = {
    "a2a": a2a.compile_call,
    "asyncapi": asyncapi.compile_call,
    "grpc": grpc.compile_call,
    "http": http.compile_call,
    "mcp": mcp.compile_call,
    "openapi": openapi.compile_call,
}
