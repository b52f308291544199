"""What a template promises to its callers and asks of its installers, read from the template body."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from caseway.model.canonical import JsonObject, canonical

_NOTHING: Mapping[str, Any] = {}
_OWN_SIDE = frozenset({"credential", "tolerance"})  # of `verify`: what a sender need not know


@dataclass(frozen=True, slots=True)
class Trigger:
    """How one workflow is started; what a caller of an http trigger must know. `verify` is how it signs,
    `input` None where the workflow's own schema holds, `response` "" where the workflow's holds."""

    id: str
    type: str
    methods: frozenset[str] = frozenset()
    path: str = ""
    auth: str = ""
    verify: str = ""
    input: JsonObject | None = None
    response: str = ""


@dataclass(frozen=True, slots=True)
class Workflow:
    """One workflow seen from outside. A schema is None when the workflow takes or gives anything."""

    id: str
    triggers: Mapping[str, Trigger]
    input: JsonObject | None
    output: JsonObject | None
    response: str


@dataclass(frozen=True, slots=True)
class Credential:
    """One credential slot."""

    type: str
    scope: str
    required: bool


@dataclass(frozen=True, slots=True)
class Contract:
    """The whole promise of one template; `parameters` is a JSON Schema object."""

    workflows: Mapping[str, Workflow]
    parameters: JsonObject
    credentials: Mapping[str, Credential]
    connections: frozenset[str]


def contract(body: JsonObject) -> Contract:
    """The contract of a template body. Lists of `{id, …}` and mappings by id are both understood; what is
    missing counts as empty."""
    return Contract(
        workflows={name: _workflow(name, value) for name, value in keyed(body.get("workflows"))},
        parameters=mapping(body.get("parameters")),
        credentials={name: _credential(value) for name, value in keyed(body.get("credentials"))},
        connections=frozenset(name for name, _ in keyed(body.get("connections"))),
    )


def keyed(value: object) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The named parts of a list or mapping: `[{id: a}]`, `["a"]` and `{a: {}}` all give `a`."""
    if isinstance(value, Mapping):
        yield from ((str(name), mapping(item)) for name, item in value.items())
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for item in value:
            part = mapping(item)
            yield str(part.get("id", part.get("name", item))), part


def mapping(value: object) -> Mapping[str, Any]:
    """`value` when it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else _NOTHING


def _workflow(name: str, value: Mapping[str, Any]) -> Workflow:
    definition = mapping(value.get("definition"))
    return Workflow(
        id=name,
        triggers={key: _trigger(key, item) for key, item in keyed(value.get("triggers"))},
        input=_schema(definition, "input"),
        output=_schema(definition, "output"),
        response=str(value.get("response", "async")),
    )


def _trigger(name: str, value: Mapping[str, Any]) -> Trigger:
    texts = {key: str(value.get(key, "")) for key in ("type", "path", "auth", "response")}
    methods = value.get("methods") or [value.get("method", "POST")]
    verify = mapping(value.get("verify"))
    schema = value.get("input") if texts["type"] == "http" else None
    texts["auth"] = texts["auth"] or "key"
    return Trigger(
        id=name,
        methods=frozenset(map(str, methods)),
        verify=canonical({key: verify[key] for key in verify if key not in _OWN_SIDE}) if verify else "",
        input=schema if isinstance(schema, Mapping) else None,
        **texts,
    )


def _credential(value: Mapping[str, Any]) -> Credential:
    return Credential(
        str(value.get("type", "")), str(value.get("scope", "")), bool(value.get("required", True))
    )


def _schema(definition: Mapping[str, Any], side: str) -> JsonObject | None:
    """The schema of a DSL document's `input` or `output`: inline, or a reference compared as a whole."""
    schema = mapping(mapping(definition.get(side)).get("schema"))
    if isinstance(schema.get("document"), Mapping):
        return mapping(schema["document"])
    return {"$ref": schema["resource"]} if "resource" in schema else None
