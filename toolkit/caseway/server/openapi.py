"""The OpenAPI 3.1 document of the API, made from the table of operations, and of the doors beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from caseway import __version__
from caseway.model.access import Permission
from caseway.operations.examples import whole_example
from caseway.operations.fields import Described
from caseway.operations.operation import Answer, Operation
from caseway.operations.placing import placed
from caseway.operations.schema import Schemas, object_schema, parameter_schema, reference
from caseway.server.doors import KEY_SCHEME, PATHS
from caseway.server.problems import MEDIA_TYPE

REFUSALS = {
    "400": "The request cannot be read, or asks for what makes no sense",
    "401": "Nobody knows who asks",
    "403": "The caller may not",
    "404": "There is no such thing, or it is not the caller's to see",
    "409": "It contradicts the state that things are in",
    "412": "It was changed since the ETag in If-Match was given",
    "413": "The request is too large",
    "415": "The body is no JSON",
    "422": "A field is not as it must be",
    "429": "Too many requests",
    "500": "A bug",
    "503": "The server is starting, stopping, or has no database",
}
PROBLEM = {
    "type": "object",
    "description": "What went wrong, as RFC 9457 has it.",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string", "examples": ["urn:caseway:error:not-found"]},
        "title": {"type": "string", "examples": ["Not Found"]},
        "status": {"type": "integer", "examples": [404]},
        "detail": {"type": "string", "examples": ["there is no instance 'billing-dev' in 'acme'"]},
        "code": {"type": "string", "description": "Stable, for programs.", "examples": ["not-found"]},
        "place": {"type": "string", "description": "What it is about.", "examples": ["billing-dev"]},
        "hint": {"type": "string", "description": "What to do.", "examples": ["see the list of instances"]},
        "requestId": {"type": "string", "examples": ["8c2d0aa5f0d3c6b9"]},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}
IDEMPOTENCY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key and request again give the same answer, and nothing is done twice.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[\\x21-\\x7e]+$"},
}


def document(operations: Iterable[Operation]) -> dict[str, Any]:
    """The document."""
    operations = tuple(operations)
    schemas = Schemas()
    schemas["Problem"] = PROBLEM
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _described(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Caseway",
            "version": __version__,
            "description": "Processes, instances and executions of one organization: that of the token.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "tags": [
            {"name": name}
            for name in dict.fromkeys(
                (*(item.name.partition(".")[0] for item in operations), "triggers", "hooks", "health")
            )
        ],
        "paths": {**paths, **PATHS},
        "components": {
            "schemas": schemas,
            "responses": {"Problem": _problem("The operation was refused")},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}, "instanceKey": KEY_SCHEME},
        },
    }


def _described(operation: Operation, schemas: Schemas) -> dict[str, Any]:
    where = placed(operation)
    told: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.name.partition(".")[0]],
        "summary": operation.summary,
        "description": operation.description or " ".join((operation.request.__doc__ or "").split()),
        "parameters": [
            _parameter(item, place) for place in ("path", "query", "header") for item in where[place]
        ],
        "responses": _responses(operation, schemas),
        "x-permission": operation.permission.value,
    }
    if operation.permission is Permission.SIGN_IN:
        told["security"] = []  # whoever signs in has no token yet
    if operation.is_write:
        told["parameters"].append(IDEMPOTENCY)
    if where["body"]:
        told["requestBody"] = _body(operation, where, schemas)
    return told


def _parameter(item: Described, place: str) -> dict[str, Any]:
    schema = parameter_schema(item)
    if place == "path" and schema.get("type") == "string":
        schema.setdefault("minLength", 1)
    told: dict[str, Any] = {
        "name": item.about.header or item.json,
        "in": place,
        "required": place == "path" or item.is_required,
        "description": schema.pop("description", ""),
        "schema": schema,
    }
    if schema.get("type") == "array":
        told |= {"style": "form", "explode": False}
    return told


def _body(
    operation: Operation, where: Mapping[str, tuple[Described, ...]], schemas: Schemas
) -> dict[str, Any]:
    leave = frozenset(item.name for place in ("path", "header") for item in where[place])
    schema = object_schema(operation.request, schemas, is_answer=False, leave=leave)
    name = schemas.name_for(operation.request, "Body")
    schemas[name] = schema
    example = whole_example(operation.request, leave)
    return {
        "required": any(item.is_required for item in where["body"]),
        "content": {
            "application/json": {
                "schema": {"$ref": f"#/components/schemas/{name}"},
                "examples": {"typical": {"value": example}},
            }
        },
    }


def _responses(operation: Operation, schemas: Schemas) -> dict[str, Any]:
    found: dict[str, Any] = {str(operation.status): _success(operation, schemas)}
    for status, words in REFUSALS.items():
        if status in _possible(operation):
            found[status] = _problem(words)
    return found


def _possible(operation: Operation) -> set[str]:
    always = {"400", "401", "403", "404", "413", "422", "429", "500", "503"}
    return always | ({"409", "412", "415"} if operation.is_write else set())


def _success(operation: Operation, schemas: Schemas) -> dict[str, Any]:
    schema = reference(operation.response, schemas)
    example: Any = whole_example(operation.response)
    if operation.answer is Answer.STREAM:
        return {
            "description": "Server-sent events until the end; Last-Event-ID goes on after that event.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        }
    if operation.answer is Answer.LIST:
        name = schemas.name_for(operation.response, "Page")
        schemas[name] = {
            "type": "object",
            "description": "Some items; `nextCursor` is empty on the last page.",
            "required": ["items", "nextCursor"],
            "properties": {"items": {"type": "array", "items": schema}, "nextCursor": {"type": "string"}},
        }
        schema = {"$ref": f"#/components/schemas/{name}"}
        example = {"items": [example], "nextCursor": ""}
    told: dict[str, Any] = {
        "description": operation.summary,
        "content": {"application/json": {"schema": schema, "examples": {"typical": {"value": example}}}},
    }
    if operation.has_etag:
        told["headers"] = {"ETag": {"description": "For If-Match.", "schema": {"type": "string"}}}
    return told


def _problem(words: str) -> dict[str, Any]:
    return {
        "description": words,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
