"""`switch`: chooses the flow directive of the first case whose condition holds. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from caseway_runner.activation import Activation
from caseway_runner.expression import Expression
from caseway_runner.scope import Scope

KEYS = frozenset({"switch"})


@dataclass(frozen=True, slots=True)
class SwitchBody:
    """Cases in order; `targets` are (case name, directive), `conditions` None for the default."""

    targets: tuple[tuple[str, str], ...]
    conditions: tuple[Expression | None, ...]
    nature: ClassVar[str] = "pure"

    @property
    def has_default(self) -> bool:
        """Whether some case always matches."""
        return None in self.conditions

    async def run(self, activation: Activation) -> Any:
        """The input, unchanged; the directive goes to the activation."""
        chosen = ("", "")
        for target, condition in zip(self.targets, self.conditions, strict=True):
            if condition is None:
                chosen = target
            elif await activation.is_true(condition):
                chosen = target
                break
        activation.chosen, activation.then = chosen
        return activation.input


def compile_body(source: Mapping[str, Any], scope: Scope) -> SwitchBody | None:
    """A list of single-key objects, each with `then` and all but one with `when`."""
    cases, place = source["switch"], scope.at("switch")
    if not isinstance(cases, list) or not cases:
        place.report("schema", "expected a list of cases, each an object with one key: the case's name")
        return None
    targets: list[tuple[str, str]] = []
    conditions: list[Expression | None] = []
    for at, item in enumerate(cases):
        if not isinstance(item, Mapping) or len(item) != 1:
            place.at(at).report("schema", "expected an object with one key: the case's name")
            return None
        name = str(next(iter(item)))
        spot = place.at(at, name)
        fields = spot.mapping(item[next(iter(item))], {"when", "then"}, ("then",))
        if fields is None:
            return None
        targets.append((name, spot.text(fields, "then", "continue")))
        conditions.append(spot.optional_expression(fields, "when"))
        if conditions[-1] is None and None in conditions[:-1]:
            spot.report("schema", "there can be only one case without `when`")
    return SwitchBody(tuple(targets), tuple(conditions))
