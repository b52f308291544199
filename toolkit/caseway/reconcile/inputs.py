"""What a deployment is made from besides its template. Same template and same inputs: nothing to deploy."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from caseway.model.canonical import Json, JsonObject, digest
from caseway.reconcile.contract import Contract, mapping
from caseway.reconcile.resources import Digests, connections_of, runtime_of


def inputs_digest(fields: JsonObject, body: JsonObject, digests: Digests) -> str:
    """The digest over the instance's parameters, credential bindings and resources, and over the content of
    the runtime and connections that the template `body` names."""
    return digest(
        {
            "parameters": fields.get("parameters", {}),
            "credentials": fields.get("credentials", {}),
            "resources": fields.get("resources", {}),
            "runtime": digests.runtimes.get(runtime_of(body), ""),
            "connections": {name: digests.connections.get(name, "") for name in connections_of(body)},
        }
    )


def parameter_problems(parameters: JsonObject, contract: Contract) -> Iterator[str]:
    """Why the values do not suit the template, in words: of the wrong type, or missing."""
    properties = mapping(contract.parameters.get("properties"))
    required: Any = contract.parameters.get("required", ())
    for name, value in parameters.items():
        if name in properties and not has_type(value, mapping(properties[name]).get("type")):
            yield f"parameter '{name}' has the wrong type"
    for name in required:
        if name not in parameters and "default" not in mapping(properties.get(name)):
            yield f"parameter '{name}' is required and has no value"


def ignored_parameters(parameters: JsonObject, contract: Contract) -> Iterator[str]:
    """The names of values that the template no longer declares."""
    properties = mapping(contract.parameters.get("properties"))
    if properties and contract.parameters.get("additionalProperties") is not True:
        yield from (name for name in parameters if name not in properties)


def missing_credentials(
    bindings: Mapping[str, str], contract: Contract, stored: Collection[str]
) -> Iterator[str]:
    """The required slots for which no credential is stored under the bound name, nor under the slot's own."""
    for slot, credential in contract.credentials.items():
        if credential.required and bindings.get(slot, slot) not in stored:
            yield slot


_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "number": (int, float),
    "integer": (int, float),
    "object": (dict,),
    "array": (list, tuple),
    "null": (type(None),),
}


def has_type(value: Json, declared: Any) -> bool:
    """True when the value is of a declared JSON Schema type; a placeholder may become any."""
    if declared is None or (isinstance(value, str) and "$[[" in value):
        return True
    names = [declared] if isinstance(declared, str) else declared
    return any(_is_a(value, name) for name in names)


def _is_a(value: Json, name: str) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    if name == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES.get(name, (object,)))
