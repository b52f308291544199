"""What the OpenAPI document says of the routes that are no operations: triggers, events, pushes, health."""

from __future__ import annotations

from typing import Any

from caseway.server.problems import MEDIA_TYPE

_TEXT = {"type": "string"}
_ANY: dict[str, Any] = {}
_PROBLEM = {
    "description": "Refused, or the execution ended with an error",
    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
_BY_KEY: list[dict[str, list[str]]] = [
    {"instanceKey": []},
    {},
]  # a trigger says whether it wants a key, a signature or nothing
_INSTANCE = {
    "name": "instance",
    "in": "path",
    "required": True,
    "description": "The instance's id.",
    "schema": {"type": "string", "minLength": 1, "pattern": "^[^/]+$"},
    "example": "5f0d3c6b9a1e4f7788c2d0aa",
}
_EXECUTION = {
    "type": "object",
    "description": "An execution that a trigger started.",
    "required": ["id", "status", "url"],
    "properties": {
        "id": _TEXT,
        "status": {"type": "string", "examples": ["pending", "running", "completed", "faulted"]},
        "url": {"type": "string", "description": "Where to ask for it again."},
        "output": _ANY,
        "error": _ANY,
    },
}
_HEALTH = {
    "type": "object",
    "required": ["ready", "checks"],
    "properties": {
        "ready": {"type": "boolean"},
        "checks": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name", "ok"],
                "properties": {"name": _TEXT, "ok": {"type": "boolean"}, "message": _TEXT, "hint": _TEXT},
            },
        },
    },
}


def _answer(words: str, schema: Any, example: Any, kind: str = "application/json") -> dict[str, Any]:
    return {
        "description": words,
        "content": {kind: {"schema": schema, "examples": {"typical": {"value": example}}}},
    }


def _door(name: str, tag: str, summary: str, responses: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"operationId": name, "tags": [tag], "summary": summary, "responses": responses, **more}


_STARTED = {"id": "5f0d3c6b9a1e4f7788c2d0aa", "status": "pending", "url": "/hooks/i1/executions/5f0d3c6b"}
_STARTING = {
    "200": {
        "description": "The execution's output (a trigger that answers `sync`), or its events as they come",
        "content": {"application/json": {}, "text/event-stream": {"schema": _TEXT}, "text/plain": {}},
    },
    "202": _answer("The execution has begun, or goes on longer than the trigger waits", _EXECUTION, _STARTED),
    "default": _PROBLEM,
}
_WAYS = {
    "get": "with its input in the query",
    "post": "with its input in the body",
    "put": "with its input in the body, by PUT",
    "patch": "with its input in the body, by PATCH",
    "delete": "by DELETE",
}


def _calls() -> dict[str, Any]:
    """The route of http triggers: which methods and inputs one takes is its workflow's to say."""
    path = {
        "name": "path",
        "in": "path",
        "required": True,
        "description": "The trigger's path, which may have several parts.",
        "schema": {"type": "string", "minLength": 1},
        "example": "orders",
    }
    key = {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "description": "The same key again starts nothing and tells of the execution that it started.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[\\x21-\\x7e]+$"},
    }
    found: dict[str, Any] = {"parameters": [_INSTANCE, path]}
    for method, words in _WAYS.items():
        more: dict[str, Any] = {"security": _BY_KEY, "parameters": [key]}
        if method in {"post", "put", "patch"}:
            more["requestBody"] = {
                "required": False,
                "content": {"application/json": {"schema": {"type": "object"}, "example": {"order": 7}}},
            }
        found[method] = _door(
            f"triggers.{method}", "triggers", f"Start a workflow {words}", _STARTING, **more
        )
    return found


def _poll() -> dict[str, Any]:
    execution = {
        "name": "execution",
        "in": "path",
        "required": True,
        "description": "The execution's id.",
        "schema": {"type": "string", "minLength": 1, "pattern": "^[^/]+$"},
    }
    told = {
        "description": "The execution as it stands; with `Accept: text/event-stream` its events to the end",
        "content": {
            "application/json": {"schema": _EXECUTION, "examples": {"typical": {"value": _STARTED}}},
            "text/event-stream": {"schema": _TEXT},
        },
    }
    return {
        "parameters": [_INSTANCE, execution],
        "get": _door(
            "triggers.execution",
            "triggers",
            "Ask how an execution that a trigger started stands",
            {"200": told, "default": _PROBLEM},
            security=_BY_KEY,
        ),
    }


def _events() -> dict[str, Any]:
    event = {"specversion": "1.0", "id": "1", "source": "urn:shop", "type": "order.placed", "data": {"n": 7}}
    taken = {
        "type": "object",
        "required": ["events", "woken"],
        "properties": {
            "events": {"type": "array", "items": {"type": "object"}},
            "woken": {"type": "integer"},
        },
    }
    example = {"events": [{"id": "1", "source": "urn:shop", "isNew": True, "started": []}], "woken": 0}
    kinds = ("application/cloudevents+json", "application/cloudevents-batch+json")
    return {
        "post": _door(
            "events.receive",
            "events",
            "Send CloudEvents: structured, batched or binary",
            {"202": _answer("Taken in, for good", taken, example), "default": _PROBLEM},
            requestBody={
                "required": True,
                "content": {
                    kinds[0]: {"schema": {"type": "object"}, "example": event},
                    kinds[1]: {"schema": {"type": "array"}, "example": [event]},
                },
            },
        )
    }


def _push() -> dict[str, Any]:
    taken = {
        "type": "object",
        "required": ["status", "project"],
        "properties": dict.fromkeys(("status", "project", "reason", "delivery"), _TEXT),
    }
    return {
        "post": _door(
            "hooks.push",
            "hooks",
            "Tell of a push: GitHub, GitLab and Gitea, signed with the project's secret",
            {
                "202": _answer(
                    "Queued, known already, or ignored", taken, {"status": "queued", "project": "acme"}
                ),
                "default": _PROBLEM,
            },
            security=[],
            requestBody={"required": True, "content": {"application/json": {"schema": {"type": "object"}}}},
        )
    }


def _health() -> dict[str, dict[str, Any]]:
    ready = {"ready": True, "checks": [{"name": "database", "ok": True}]}
    alive = {
        "type": "object",
        "required": ["status", "version"],
        "properties": {"status": _TEXT, "version": _TEXT},
    }
    return {
        "/healthz": {
            "get": _door(
                "health.alive",
                "health",
                "Ask whether the process lives",
                {"200": _answer("It does", alive, {"status": "ok", "version": "1.0.0"}), "default": _PROBLEM},
                security=[],
            )
        },
        "/readyz": {
            "get": _door(
                "health.ready",
                "health",
                "Ask whether requests shall be sent here",
                {
                    "200": _answer("They shall", _HEALTH, ready),
                    "503": _answer("Not now", _HEALTH, {**ready, "ready": False}),
                    "default": _PROBLEM,
                },
                security=[],
            )
        },
        "/metrics": {
            "get": _door(
                "health.metrics",
                "health",
                "Read the metrics, as Prometheus has them",
                {
                    "200": {"description": "The metrics", "content": {"text/plain": {"schema": _TEXT}}},
                    "default": _PROBLEM,
                },
                security=[],
            )
        },
    }


KEY_SCHEME = {
    "type": "apiKey",
    "in": "header",
    "name": "X-API-Key",
    "description": "The key of one instance.",
}
PATHS: dict[str, dict[str, Any]] = {
    "/hooks/{instance}/{path}": _calls(),
    "/hooks/{instance}/executions/{execution}": _poll(),
    "/hooks/events": _events(),
    "/hooks/push": _push(),
    **_health(),
}
