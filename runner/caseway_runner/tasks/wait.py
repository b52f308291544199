"""`wait`: does nothing for a while. The moment to wake is recorded, so that a resumed wait is no longer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from caseway_runner.activation import Activation
from caseway_runner.expression import Expression
from caseway_runner.scope import Scope

KEYS = frozenset({"wait"})


@dataclass(frozen=True, slots=True)
class WaitBody:
    """How long."""

    length: float | Expression
    nature: ClassVar[str] = "effect"

    async def run(self, activation: Activation) -> Any:
        """The input, unchanged, after the wait."""
        noted = activation.noted("waited")
        if noted is None:
            wake_at = activation.moment_after(await activation.seconds(self.length))
            activation.note("waited", {"until": wake_at})
            await activation.flush()
        else:
            wake_at = str(noted.data["until"])
        if activation.is_waiting is not None:
            activation.is_waiting(True)
        await activation.sleep_until(wake_at)
        return activation.input


def compile_body(source: Mapping[str, Any], scope: Scope) -> WaitBody:
    """A duration."""
    return WaitBody(scope.at("wait").duration(source["wait"]))
