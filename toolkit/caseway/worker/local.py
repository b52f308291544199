"""Runs a workflow file with no platform: the file, its neighbours and the parameters' defaults are enough.

Rule: the document that runs here is validated and rendered exactly as a deployment would."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from caseway.model.errors import CasewayError
from caseway.repo import placeholders
from caseway.repo.forms import parameters_schema


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A workflow document that may be called, and the use case it belongs to (empty when it has none)."""

    document: Mapping[str, Any]
    use_case: Mapping[str, Any]


Find = Callable[[str, str, str], Neighbour | None]  # by namespace, name and version


def nobody(_namespace: str, _name: str, _version: str) -> Neighbour | None:
    """The neighbourhood of a workflow that stands alone."""
    return None


@dataclass(frozen=True, slots=True)
class LocalWorkflow:
    """A workflow document with what stands around it: its use case (empty when there is none), how to find
    the workflows it may call, the project's connections (the `spec` of each, by name), and its parameters."""

    path: Path
    document: Mapping[str, Any]
    use_case: Mapping[str, Any] = field(default_factory=dict)
    find: Find = nobody
    connections: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def rendered(self, parameters: Mapping[str, Any]) -> LocalWorkflow:
        """The same with every placeholder resolved from `parameters` over the use case's defaults."""
        context = local_context(self.use_case, parameters, self.connections)
        return replace(self, document=_render(self.document, context, self.path), parameters=parameters)

    @property
    def declared(self) -> Mapping[str, Mapping[str, Any]]:
        """The connections that the use case declares, as their documents describe them; all of the project's
        for a workflow that stands alone."""
        names = self.use_case.get("spec", {}).get("connections") if self.use_case else None
        if names is None:
            return self.connections
        return {name: self.connections[name] for name in names if name in self.connections}

    def login(self, connection: str) -> str:
        """The name of the credential of a connection: what `--secret` gives it by."""
        return str(self.connections[connection].get("credential") or "")

    def source(self, namespace: str, name: str, version: str) -> Mapping[str, Any]:
        """The sub-workflow of that identity, rendered with its own use case's parameters; KeyError when there
        is none. `latest` is the highest version."""
        found = self.find(namespace, name, version)
        if found is None:
            raise KeyError(f"{namespace}/{name}:{version}")
        parameters = self.parameters if found.use_case == self.use_case else {}
        context = local_context(found.use_case, parameters, self.connections)
        return _render(found.document, context, self.path)


def local_context(
    use_case: Mapping[str, Any],
    parameters: Mapping[str, Any],
    connections: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
) -> dict[str, Any]:
    """What placeholders may name with no platform: real parameters and connections, else local names.
    A connection that no document describes has an address that leads nowhere and says whose it is."""
    spec = use_case.get("spec", {})
    name = use_case.get("metadata", {}).get("name", "local")
    workflows = [item.get("id", "") for item in spec.get("workflows", ())]
    return {
        "params": {**default_parameters(spec.get("parameters", {})), **parameters},
        "credentials": {
            slot: {"id": slot, "name": slot, "type": item.get("type", ""), "scope": item.get("scope", "")}
            for slot, item in spec.get("credentials", {}).items()
        },
        "connections": {
            item: {
                "id": item,
                "name": item,
                "type": "",
                "url": f"http://{item}.invalid",
                **connections.get(item, {}),
            }
            for item in spec.get("connections", ())
        },
        "workflows": {item: {"id": f"local-{item}", "name": item} for item in workflows},
        "webhooks": {item: {"url": f"http://localhost/{item}", "path": f"/{item}"} for item in workflows},
        "instance": {"id": "local", "name": name},
        "organization": {"id": "local", "name": "local"},
        "owner": {"id": "local", "name": "local"},
        "stage": "local",
        "runtime": {"image": "", "name": "default"},
    }


def default_parameters(declared: Mapping[str, Any]) -> dict[str, Any]:
    """The defaults of a use case's parameters, declared as JSON Schema or as form fields."""
    schema = parameters_schema(declared) if declared else {}
    properties: Mapping[str, Any] = schema.get("properties", {})
    return {
        name: item["default"]
        for name, item in properties.items()
        if isinstance(item, Mapping) and "default" in item
    }


def _render(document: Mapping[str, Any], context: Mapping[str, Any], path: Path) -> Mapping[str, Any]:
    try:
        rendered = placeholders.render(document, context)
    except CasewayError as error:
        raise CasewayError(
            error.message,
            code="placeholder",
            place=f"{path}{error.place and '#' + error.place}",
            hint=error.hint or "give the parameter with --param NAME=VALUE",
        ) from error
    assert isinstance(rendered, Mapping)
    return rendered
