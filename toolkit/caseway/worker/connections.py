"""What an execution gets to know of connections: `CASEWAY_SERVICES`, made for it at its start.

Shape: `{"<type>": {"<name>": {"url", "host", "port", "path", "options", "models", "credential"}}}`, of the
connections that the workflow's own tasks use and no others; secrets as they are now."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import caseway_runner as runner
from caseway.model.canonical import JsonObject
from caseway.platform.bundle import Platform
from caseway.platform.held import Claim
from caseway.platform.resource_bodies import connection_slot
from caseway.platform.sources import connections_of_execution

VARIABLE = "CASEWAY_SERVICES"
ANY = "*"
_PROCESSES = frozenset({"script", "shell", "container"})


def environment_for(platform: Platform, held: Claim, secret: Callable[[str], Any]) -> dict[str, str]:
    """The environment variable with what the execution may use; {} when its workflow uses no connection."""
    if not uses_connections(held.document):
        return {}
    with platform.database.reading() as connection:
        declared = connections_of_execution(connection, held.execution_id)
    return services(held.document, declared, lambda name: secret(connection_slot(name)))


def services(
    document: JsonObject, declared: Mapping[str, JsonObject], secret: Callable[[str], Any]
) -> dict[str, str]:
    """`CASEWAY_SERVICES` with those of the `declared` connections that the document uses. `secret` gives a
    connection's credential, KeyError when it has none."""
    used = names_used(document, declared)
    found: dict[str, dict[str, JsonObject]] = {}
    for name in sorted(used & declared.keys()):
        body = declared[name]
        found.setdefault(str(body.get("type") or "http"), {})[name] = _entry(body, _value(secret, name, body))
    return {VARIABLE: json.dumps(found)} if found else {}


def uses_connections(document: JsonObject) -> bool:
    """Whether anything in the document could ask for a connection."""
    return next(_uses(document), None) is not None


def names_used(document: JsonObject, declared: Mapping[str, JsonObject]) -> set[str]:
    """The connections that the document's tasks name. A process may read the variable, and an expression may
    give any name: then it is all that the use case declares."""
    names: set[str] = set()
    for name in _uses(document):
        if name == ANY or "${" in name:
            return set(declared)
        names.add(name)
    return names


def _uses(value: Any) -> Iterator[str]:
    """The names of connections, `ANY` for a process."""
    if isinstance(value, Mapping):
        called = value.get("call")  # a mapping in a task that is named so
        is_known = isinstance(called, str) and called in runner.CONNECTION_FUNCTIONS
        if is_known and isinstance(value.get("with"), Mapping):
            name = value["with"].get("connection")
            if isinstance(name, str):
                yield name
        run = value.get("run")
        if isinstance(run, Mapping) and _PROCESSES & run.keys():
            yield ANY
        for each in value.values():
            yield from _uses(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _uses(each)


def _value(secret: Callable[[str], Any], name: str, body: JsonObject) -> Any:
    try:
        return secret(name) if body.get("credential") else None
    except KeyError:
        return None


def _entry(body: JsonObject, credential: Any) -> JsonObject:
    url = str(body.get("url") or "")
    parts = urlsplit(url)
    entry: dict[str, Any] = {"url": url, "host": parts.hostname, "port": parts.port, "path": parts.path}
    entry |= {key: body[key] for key in ("options", "models") if body.get(key)}
    return entry | ({"credential": credential} if credential is not None else {})
