"""Which events a task wants: filters on CloudEvents attributes, and correlations that tie events together.

Rule: an event that cannot be judged, because an expression fails on it, does not match."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from caseway_runner.errors import Fault
from caseway_runner.expression import Expression, compile_expression
from caseway_runner.scope import TASK_BODY, Scope
from caseway_runner.template import Loose, Template

_MISSING = object()

# What CloudEvents say are texts.
ATTRIBUTES = ("id", "source", "type", "time", "subject", "datacontenttype", "dataschema")
# What a text must hold to be taken for a regular expression as well; a dot alone is in every type.
_PATTERN = re.compile(r"[*+?^$|\\()\[\]]")


class Judge(Protocol):
    """Who evaluates what filters ask; raises Fault where that fails."""

    async def evaluate_on(self, expression: Expression, value: Any) -> Any: ...

    async def fill(self, template: Template) -> Any: ...


@dataclass(frozen=True, slots=True)
class Correlation:
    """A value that events must share: where it is in the event, and what it has to be, if that is fixed.
    `is_bare`: nothing runs yet, so expressions of `expected` look at the value itself."""

    key: str
    source: Expression
    expected: Template | None
    is_bare: bool = False

    async def agrees(self, judge: Judge, value: Any) -> bool:
        """Whether the value is one that is expected."""
        if self.expected is None:
            return True
        if not self.is_bare:
            return _is_same(value, await judge.fill(self.expected))
        wanted = await self.expected.fill(lambda expression: judge.evaluate_on(expression, value))
        if isinstance(wanted, bool) and isinstance(self.expected.node, Expression | Loose):
            return wanted
        return _is_same(value, wanted)


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
        self, judge: Judge, event: Mapping[str, Any], keys: Mapping[str, Any]
    ) -> Mapping[str, Any] | None:
        """The correlation keys with those of `event`, or None when it does not match."""
        try:
            for name, template in self.attributes.items():
                if not await _fits(judge, template, event.get(name, _MISSING)):
                    return None
            return await self._correlated(judge, event, keys)
        except Fault:
            return None

    async def _correlated(
        self, judge: Judge, event: Mapping[str, Any], keys: Mapping[str, Any]
    ) -> Mapping[str, Any] | None:
        found = dict(keys)
        for one in self.correlations:
            value = await judge.evaluate_on(one.source, event)
            if value is None or not await one.agrees(judge, value):
                return None
            if one.expected is None and not _is_same(value, found.get(one.key, value)):
                return None
            found[one.key] = value
        return found


async def _fits(judge: Judge, template: Template, value: Any) -> bool:
    if template.is_constant:
        return value is not _MISSING and _is_same(value, template.node)
    present = None if value is _MISSING else value
    found = await template.fill(lambda expression: judge.evaluate_on(expression, present))
    if isinstance(found, bool) and isinstance(template.node, Expression | Loose):
        return found
    return value is not _MISSING and _is_same(value, found)


def is_same_key(value: Any, wanted: Any) -> bool:
    """Whether two correlation values are one."""
    return _is_same(value, wanted)


def _is_same(value: Any, wanted: Any) -> bool:
    return isinstance(value, bool) == isinstance(wanted, bool) and bool(value == wanted)


def compile_filter(
    value: Any, scope: Scope, roots: frozenset[str] = TASK_BODY, *, is_bare: bool = False
) -> EventFilter | None:
    """An event filter: `with` and `correlate`; `is_bare` of one that is asked before anything runs."""
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
        _correlation(str(key), one, scope.at("correlate", str(key)), roots, is_bare=is_bare)
        for key, one in correlate.items()
    ]
    return EventFilter(
        {str(name): _attribute(str(name), item, place, roots) for name, item in attributes.items()},
        tuple([one for one in found if one is not None]),
    )


def _attribute(name: str, value: Any, place: Scope, roots: frozenset[str]) -> Template:
    """What an attribute has to be; a text that may be a regular expression is compared first, then matched
    as a whole, by jq where it can be stopped."""
    template = place.at(name).template(value, roots)
    if name not in ATTRIBUTES or not template.is_constant or not isinstance(value, str):
        return template
    if not _PATTERN.search(value) or value.lstrip().startswith("${"):
        return template
    text, whole = json.dumps(value), json.dumps(f"^(?:{value})$")
    return Template(compile_expression(f". == {text} or (strings | test({whole}))"), False)


def _correlation(
    key: str, value: Any, scope: Scope, roots: frozenset[str], *, is_bare: bool
) -> Correlation | None:
    fields = scope.mapping(value, {"from", "expect"}, ("from",))
    if fields is None:
        return None
    expected = scope.at("expect").template(fields["expect"], roots) if "expect" in fields else None
    return Correlation(key, scope.at("from").expression(fields["from"], roots), expected, is_bare)
