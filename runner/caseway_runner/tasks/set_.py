"""`set`: the task's output is the given value. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from caseway_runner.activation import Activation
from caseway_runner.scope import Scope
from caseway_runner.template import Template

KEYS = frozenset({"set"})


@dataclass(frozen=True, slots=True)
class SetBody:
    """The value to set."""

    value: Template
    nature: ClassVar[str] = "pure"

    async def run(self, activation: Activation) -> Any:
        """The value, filled."""
        return await activation.fill(self.value)


def compile_body(source: Mapping[str, Any], scope: Scope) -> SetBody | None:
    """An object, or one expression."""
    value, place = source["set"], scope.at("set")
    if not isinstance(value, str | Mapping) or value == {}:
        place.report("schema", "expected an object with at least one property, or a runtime expression")
        return None
    return SetBody(place.template(value))
