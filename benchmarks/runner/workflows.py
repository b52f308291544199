"""The shapes as workflow documents. `step` is the task that stands for a step of a peer."""

from __future__ import annotations

import inspect
from typing import Any

from shapes import fib

NOTHING = {"set": {"done": True}}  # not an effect: recorded with the next one
EFFECT = {
    "emit": {"event": {"with": {"source": "https://bench.example", "type": "bench.step"}}}
}  # recorded at once


def document(name: str, tasks: list[Any]) -> dict[str, Any]:
    """A workflow of these tasks."""
    head = {"dsl": "1.0.3", "namespace": "bench", "name": name, "version": "1.0.0"}
    return {"document": head, "do": tasks}


def loop(step: Any) -> list[Any]:
    """`step` once for each item of the input."""
    return [{"loop": {"for": {"in": "$workflow.input.units"}, "do": [{"step": step}]}}]


def listed(step: Any, units: int) -> list[Any]:
    """`step` after `step`."""
    return [{f"step-{at}": step} for at in range(units)]


def forked(step: Any, units: int) -> list[Any]:
    """All at once, and join."""
    return [{"fork": {"fork": {"branches": listed(step, units)}}}]


def call(url: str) -> Any:
    """One HTTP request."""
    return {"call": "http", "with": {"method": "get", "endpoint": url}}


def script(n: int) -> Any:
    """fib(n) in a process of its own."""
    return {"run": {"script": {"language": "python", "code": f"{inspect.getsource(fib)}\nprint(fib({n}))"}}}
