"""Which events a task wants: filters on CloudEvents attributes, and correlations that tie events together.

Rule: an event that cannot be judged, because an expression fails on it, does not match."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from caseway_runner.activation import Activation
from caseway_runner.errors import Fault
from caseway_runner.expression import Expression
from caseway_runner.scope import TASK_BODY, Scope
from caseway_runner.template import Template

_MISSING = object()

# What CloudEvents say are texts.
ATTRIBUTES = ("id", "source", "type", "time", "subject", "datacontenttype", "dataschema")


@dataclass(frozen=True, slots=True)
class Correlation:
    """A value that events must share: where it is in the event, and what it has to be, if that is fixed."""

    key: str
    source: Expression
    expected: Template | None


@dataclass(frozen=True, slots=True)
class EventFilter:
    """What an event must look like. `attributes` are compared; an expression looks at the attribute itself,
    and decides when it gives a boolean."""

    attributes: Mapping[str, Template]
    correlations: tuple[Correlation, ...]

    @property
    def fixed(self) -> Mapping[str, Any]:
        """The attributes that are known without running anything."""
        return {
            name: template.node
            for name, template in self.attributes.items()
            if template.is_constant and name != "data"
        }

    async def match(
        self, activation: Activation, event: Mapping[str, Any], keys: Mapping[str, Any]
    ) -> Mapping[str, Any] | None:
        """The correlation keys with those of `event`, or None when it does not match."""
        try:
            for name, template in self.attributes.items():
                if not await _fits(activation, template, event.get(name, _MISSING)):
                    return None
            return await self._correlated(activation, event, keys)
        except Fault:
            return None

    async def _correlated(
        self, activation: Activation, event: Mapping[str, Any], keys: Mapping[str, Any]
    ) -> Mapping[str, Any] | None:
        found = dict(keys)
        for one in self.correlations:
            value = await activation.evaluate_on(one.source, event)
            if value is None:
                return None
            wanted = found.get(one.key, value)
            if one.expected is not None:
                wanted = await activation.fill(one.expected)
            if not _is_same(value, wanted):
                return None
            found[one.key] = value
        return found


async def _fits(activation: Activation, template: Template, value: Any) -> bool:
    if template.is_constant:
        return value is not _MISSING and _is_same(value, template.node)
    present = None if value is _MISSING else value
    found = await template.fill(lambda expression: activation.evaluate_on(expression, present))
    if isinstance(found, bool) and isinstance(template.node, Expression):
        return found
    return value is not _MISSING and _is_same(value, found)


def _is_same(value: Any, wanted: Any) -> bool:
    return isinstance(value, bool) == isinstance(wanted, bool) and bool(value == wanted)


def compile_filter(value: Any, scope: Scope, roots: frozenset[str] = TASK_BODY) -> EventFilter | None:
    """An event filter: `with` and `correlate`."""
    fields = scope.mapping(value, {"with", "correlate"}, ("with",))
    if fields is None:
        return None
    place = scope.at("with")
    attributes = place.mapping(fields["with"], None)
    if attributes is None:
        return None
    place.texts(attributes, ATTRIBUTES)
    if not attributes:
        place.report("schema", "a filter needs at least one attribute", "e.g. type: com.example.paid")
    correlate = scope.at("correlate").mapping(fields.get("correlate", {}), None) or {}
    found = [
        _correlation(str(key), one, scope.at("correlate", str(key)), roots) for key, one in correlate.items()
    ]
    return EventFilter(
        {str(name): place.at(str(name)).template(item, roots) for name, item in attributes.items()},
        tuple([one for one in found if one is not None]),
    )


def _correlation(key: str, value: Any, scope: Scope, roots: frozenset[str]) -> Correlation | None:
    fields = scope.mapping(value, {"from", "expect"}, ("from",))
    if fields is None:
        return None
    expected = scope.at("expect").template(fields["expect"], roots) if "expect" in fields else None
    return Correlation(key, scope.at("from").expression(fields["from"], roots), expected)
