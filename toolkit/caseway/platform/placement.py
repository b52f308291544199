"""Where the executions of a deployment run: decided when it is deployed, written into its record.

The one rule: what is written there is what runs; a runtime built later changes no deployment.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from caseway.model.canonical import JsonObject
from caseway.model.engine_facts import DEFAULT_RUNTIME_IMAGE
from caseway.model.errors import CasewayError
from caseway.platform.bundle import Platform
from caseway.platform.held import Claim
from caseway.platform.lookup import Row
from caseway.platform.previewed import own_name
from caseway.platform.runtimes import image_of
from caseway.platform.tables import current_deployments, deployments, executions, instances
from caseway.reconcile.resources import DEFAULT_RUNTIME, contained, runtime_of


def known_image(platform: Platform, container: JsonObject | None) -> JsonObject | None:
    """The record with the id of its image, which is known already but for the default runtime's. The engine
    may be slow: not to be called within a transaction."""
    if container is None or container["imageId"]:
        return container
    return {**container, "imageId": platform.image_id(str(container["image"]))}


def named(container: JsonObject | None, organization: str, deployment: str) -> JsonObject | None:
    """The record with the name by which its containers are known on the engine; each has an ending of its
    own, for several may run at once."""
    if container is None:
        return None
    return {**container, "containerName": f"caseway-{organization}-{deployment[:16]}"}


def container_of(
    connection: sa.Connection, instance: Row, body: JsonObject, resources: Mapping[str, Any]
) -> dict[str, Any] | None:
    """What the record of a deployment says of its containers; None when it runs in the worker's process. A
    preview's own runtime stands in for the project's. Raises `CasewayError` (`runtime-not-built`)."""
    if not contained(body):
        return None
    said: Any = body["container"]
    name = own_name(connection, instance, "runtime", runtime_of(body) or DEFAULT_RUNTIME)
    built = image_of(connection, instance.organization, name)
    if built is None and name != DEFAULT_RUNTIME:
        raise CasewayError(
            f"the image of runtime {name} is not built",
            code="runtime-not-built",
            place=name,
            hint=f"build it with 'caseway runtime build {name}', or apply where a container engine is",
        )
    return {
        "image": built.image if built is not None else DEFAULT_RUNTIME_IMAGE,
        "imageId": built.image_id if built is not None else "",
        "runtimeVersion": built.version if built is not None else 0,
        "network": said.get("network", "hosts"),
        "hosts": list(said.get("hosts") or ["*"]),
        "warm": dict(said.get("warm") or {}),
        "cpu": resources.get("cpu"),
        "memory": resources.get("memory"),
        "disk": resources.get("disk"),
        "gpu": resources.get("gpu"),
        "gpuType": resources.get("gpuType"),
    }


def placement_of(platform: Platform, held: Claim) -> tuple[str, JsonObject] | None:
    """The id and the container of the deployment that an execution belongs to; None when it has none."""
    query = (
        sa.select(deployments.c.id, deployments.c.result)
        .join(executions, executions.c.deployment_id == deployments.c.id)
        .where(executions.c.id == held.execution_id)
    )
    with platform.database.reading() as connection:
        row = connection.execute(query).one_or_none()
    container = (row.result or {}).get("container") if row is not None else None
    return (str(row.id), container) if row is not None and container else None


def kept_warm(platform: Platform) -> list[tuple[str, str, JsonObject]]:
    """Id, organization and container of every serving deployment whose containers are kept ready."""
    query = (
        sa.select(deployments.c.id, instances.c.organization, deployments.c.result)
        .join(current_deployments, current_deployments.c.deployment_id == deployments.c.id)
        .join(instances, instances.c.id == current_deployments.c.instance_id)
        .where(instances.c.phase == "active", instances.c.tombstone == "")
    )
    with platform.database.reading() as connection:
        found = [(row.id, row.organization, row.result or {}) for row in connection.execute(query)]
    return [
        (id_, organization, result["container"])
        for id_, organization, result in found
        if (result.get("container") or {}).get("warm", {}).get("mode") in {"always-on", "scheduled"}
    ]
