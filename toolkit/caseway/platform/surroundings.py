"""What placeholders are resolved against when an instance is deployed. No secret value is among it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from caseway.model.canonical import JsonObject, digest
from caseway.model.errors import CasewayError
from caseway.platform import body as template_body
from caseway.platform.lookup import Row
from caseway.platform.tables import resources
from caseway.reconcile.resources import connections_of, of_preview, runtime_of


def surroundings(
    instance: Row,
    body: JsonObject,
    bound: Mapping[str, Any],
    found: Mapping[str, Mapping[str, Row]],
    *,
    base_url: str,
) -> JsonObject:
    """The placeholder context without `params`: credentials, connections, workflows, webhooks, instance, …

    `bound` has the credential of each slot, `found` the resources by kind and name."""
    runtime = found["runtime"].get(runtime_of(body))
    image = runtime.body.get("image") if runtime is not None else None
    return {
        "credentials": dict(bound),
        "connections": {
            name: {**_public(row.body), "id": name, "name": name} for name, row in found["connection"].items()
        },
        "workflows": {
            part.id: {"id": workflow_id(instance.id, part.id), "name": part.id}
            for part in template_body.parts(body)
        },
        "webhooks": webhooks(instance.id, body, base_url),
        "instance": {"id": instance.id, "name": instance.name},
        "organization": {"id": instance.organization, "name": instance.organization},
        "owner": {"id": instance.owner, "name": instance.owner},
        "stage": instance.stage,
        "runtime": {"name": runtime_of(body), "image": image or ""},
    }


def workflow_id(instance_id: str, workflow: str) -> str:
    """The id of a workflow of an instance that stays the same across versions, for calls and placeholders."""
    return "wf-" + digest([instance_id, workflow]).removeprefix("sha256:")[:24]


def webhooks(instance_id: str, body: JsonObject, base_url: str) -> dict[str, JsonObject]:
    """Where each HTTP trigger is reached, by its id and by its workflow's; the first of a name wins."""
    found: dict[str, JsonObject] = {}
    for part in template_body.parts(body):
        for trigger in part.triggers:
            if trigger.get("type") != "http":
                continue
            hook = webhook(instance_id, part.id, trigger, base_url)
            found.setdefault(part.id, hook)
            found.setdefault(str(trigger.get("id")), hook)
    return found


def webhook(instance_id: str, workflow: str, trigger: JsonObject, base_url: str) -> JsonObject:
    """Path and URL of one HTTP trigger."""
    path = "/" + str(trigger.get("path") or workflow).lstrip("/")
    path = f"/hooks/{instance_id}{path}"
    return {"path": path, "url": base_url.rstrip("/") + path}


def named_resources(
    connection: sa.Connection, organization: str, body: JsonObject, *, place: str, preview: str = ""
) -> dict[str, dict[str, Row]]:
    """The runtime and connections a template names; raises `CasewayError` (`connection-missing`). What a
    preview has of its own stands in for the project's.

    A runtime nobody declared is the runner's own: only a connection must be there."""
    wanted = {"runtime": (runtime_of(body),), "connection": connections_of(body)}
    found: dict[str, dict[str, Row]] = {"runtime": {}, "connection": {}}
    ending = of_preview("", preview) if preview else ""
    names = [name + more for group in wanted.values() for name in group if name for more in {"", ending}]
    if names:
        query = sa.select(resources).where(
            resources.c.organization == organization, resources.c.name.in_(names)
        )
        for row in sorted(connection.execute(query), key=lambda row: len(row.name)):  # its own come last
            name = row.name.removesuffix(ending)
            if name in wanted[row.kind]:
                found[row.kind][name] = row
    absent = [name for name in wanted["connection"] if name not in found["connection"]]
    if absent:
        raise CasewayError(
            f"connection {', '.join(absent)} is not there",
            code="connection-missing",
            place=place,
            hint="declare it in connections/ and apply again",
        )
    return found


def _public(body: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key != "credential"}
