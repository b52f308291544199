"""The documents executions run: their own, and those of the sub-workflows they call."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from caseway.model.canonical import JsonObject
from caseway.platform.bundle import Platform
from caseway.platform.held import Claim
from caseway.platform.resource_bodies import connection_bodies
from caseway.platform.tables import (
    current_deployments,
    definitions,
    deployed_workflows,
    deployments,
    executions,
    instances,
    processes,
    templates,
)
from caseway.platform.templates import decoded
from caseway.reconcile.resources import connections_of


def document_of(connection: sa.Connection, digest: str) -> dict[str, Any]:
    """A rendered workflow by its digest."""
    body = connection.execute(
        sa.select(definitions.c.body).where(definitions.c.digest == digest)
    ).scalar_one()
    value: dict[str, Any] = json.loads(bytes(body))
    return value


def workflow_source(platform: Platform, held: Claim) -> Callable[[str, str, str], Mapping[str, Any]]:
    """Finds a sub-workflow by the namespace, name and version of its document.

    It is looked for in the deployment that the execution is bound to, then in what serves the same owner and
    stage, then the same stage. KeyError when there is none."""

    def find(namespace: str, name: str, version: str) -> Mapping[str, Any]:
        with platform.database.reading() as connection:
            for digest in _candidates(connection, held, namespace):
                document = document_of(connection, digest)
                if is_named(document, namespace, name, version):
                    return document
        raise KeyError(f"{namespace}/{name}:{version}")

    return find


def connections_of_execution(connection: sa.Connection, execution_id: str) -> Mapping[str, JsonObject]:
    """The bodies of the connections that the use case of an execution declares, by name."""
    row = connection.execute(
        sa.select(
            instances.c.organization,
            instances.c.project,
            templates.c.body,
            templates.c.digest,
            templates.c.version,
        )
        .join(instances, instances.c.id == executions.c.instance_id)
        .join(deployments, deployments.c.id == executions.c.deployment_id)
        .join(templates, templates.c.id == deployments.c.template_id)
        .where(executions.c.id == execution_id)
    ).one()
    body = decoded(bytes(row.body), row.digest, row.version)
    return connection_bodies(connection, row.organization, row.project, connections_of(body))


def _candidates(connection: sa.Connection, held: Claim, namespace: str) -> Iterator[str]:
    mine = connection.execute(
        sa.select(executions.c.deployment_id, instances.c.owner, instances.c.stage)
        .join(instances, instances.c.id == executions.c.instance_id)
        .where(executions.c.id == held.execution_id)
    ).one()
    own = sa.select(deployed_workflows.c.digest).where(
        deployed_workflows.c.deployment_id == mine.deployment_id
    )
    yield from connection.scalars(own.order_by(deployed_workflows.c.workflow)).all()
    others = connection.execute(
        sa.select(deployed_workflows.c.digest, instances.c.owner, processes.c.name.label("process"))
        .join(
            current_deployments,
            current_deployments.c.deployment_id == deployed_workflows.c.deployment_id,
        )
        .join(instances, instances.c.id == current_deployments.c.instance_id)
        .join(processes, processes.c.id == instances.c.process_id)
        .where(
            instances.c.organization == held.organization,
            instances.c.stage == mine.stage,
            instances.c.tombstone == "",
        )
    ).all()

    def rank(row: Any) -> tuple[bool, bool, str]:
        return row.process != namespace, row.owner != mine.owner, row.digest

    yield from (row.digest for row in sorted(others, key=rank))


def is_named(document: Mapping[str, Any], namespace: str, name: str, version: str) -> bool:
    """Whether the document is the one that a `run: workflow` means; "" and `latest` are any version."""
    head = document.get("document")
    if not isinstance(head, Mapping) or head.get("name") != name:
        return False
    if namespace and head.get("namespace") != namespace:
        return False
    return version in {"", "latest", head.get("version")}
