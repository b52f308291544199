"""How this room reads a template's body: the one place that knows its shape. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from caseway.model.canonical import JsonObject

DOCUMENT = "definition"


@dataclass(frozen=True, slots=True)
class Part:
    """One workflow of a template: its id, its document with placeholders in it, and its settings."""

    id: str
    document: JsonObject
    settings: JsonObject

    @property
    def triggers(self) -> Sequence[JsonObject]:
        """The triggers, in the author's order."""
        return _objects(self.settings.get("triggers"))


def parts(body: JsonObject) -> Iterator[Part]:
    """The workflows of a template."""
    for entry in _objects(body.get("workflows")):
        document = entry.get(DOCUMENT)
        settings = {key: value for key, value in entry.items() if key != DOCUMENT}
        yield Part(str(entry["id"]), document if isinstance(document, Mapping) else {}, settings)


def parameters(body: JsonObject) -> JsonObject:
    """The JSON Schema of its parameters, {} when it has none."""
    return _object(body.get("parameters"))


def credentials(body: JsonObject) -> Mapping[str, JsonObject]:
    """Its credential slots."""
    return {slot: _object(spec) for slot, spec in _object(body.get("credentials")).items()}


def target(body: JsonObject) -> str:
    """Where it goes live."""
    return str(body.get("target") or "builtin")


def resources(body: JsonObject) -> JsonObject:
    """What it asks of the machine."""
    return _object(body.get("resources"))


def strategy(body: JsonObject) -> str:
    """How a new version takes over: `switch` (beside the old one) or `recreate` (after it was stopped)."""
    return str(_object(body.get("deployment")).get("strategy") or "switch")


def health(body: JsonObject) -> JsonObject:
    """The check a new version must pass before it goes live, {} without one."""
    return _object(_object(body.get("deployment")).get("health"))


def limits(body: JsonObject) -> JsonObject:
    """What its executions may use."""
    return _object(body.get("limits"))


def _object(value: Any) -> JsonObject:
    return value if isinstance(value, Mapping) else {}


def _objects(value: Any) -> list[JsonObject]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, (list, tuple)) else []
