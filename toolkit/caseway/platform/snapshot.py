"""One consistent reading of an organization, in a handful of queries whatever its size."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from functools import cache, partial
from typing import Any

import sqlalchemy as sa

from caseway.model.snapshot import (
    Deployment,
    Instance,
    LiveWorkflow,
    Process,
    Resource,
    Snapshot,
    Template,
)
from caseway.model.states import DeploymentStatus, InstancePhase, TemplateStatus
from caseway.platform import attempts
from caseway.platform.attempts import INTERRUPTED, MISSING
from caseway.platform.bundle import Platform
from caseway.platform.database import Database
from caseway.platform.lazy_body import LazyBody
from caseway.platform.lookup import Row
from caseway.platform.runtimes import latest_builds
from caseway.platform.tables import (
    credentials,
    current_deployments,
    deployed_workflows,
    deployments,
    instances,
    live_workflows,
    processes,
    resources,
    store,
    template_status,
    templates,
)

Load = Callable[[str], bytes]


def current_revision(database: Database) -> int:
    """The revision of the store: one row."""
    with database.reading() as connection:
        return _revision(connection)


def read_snapshot(platform: Platform, organization: str, *, use_cases: Collection[str] = ()) -> Snapshot:
    """The platform as it stands now, cut down to one organization, or to some of its use cases."""

    def load(template_id: str) -> bytes:
        with platform.database.reading() as later:
            return _body(later, template_id)

    with platform.database.reading() as connection:
        return snapshot(connection, organization, load=load, use_cases=use_cases)


def snapshot(
    connection: sa.Connection,
    organization: str,
    project: str = "",  # noqa: ARG001 - names are unique in an organization: see every project's
    *,
    load: Load | None = None,
    use_cases: Collection[str] = (),
) -> Snapshot:
    """The reading within an open transaction. `load` fetches the body of an older template when somebody
    looks into it; by default through `connection`, so before it ends."""
    stored = sa.select(credentials.c.scope, credentials.c.name).where(
        credentials.c.organization.in_((organization, ""))
    )
    return Snapshot(
        revision=_revision(connection),
        processes=_processes(connection, _scope(organization, use_cases), load or partial(_body, connection)),
        instances=_instances(connection, _scope(organization, use_cases)),
        runtimes=_resources(connection, organization, "runtime"),
        connections=_resources(connection, organization, "connection"),
        credentials=frozenset(f"{row.scope}/{row.name}" for row in connection.execute(stored)),
    )


def _revision(connection: sa.Connection) -> int:
    return int(connection.scalar(sa.select(store.c.revision)) or 0)


def _body(connection: sa.Connection, template_id: str) -> bytes:
    return bytes(
        connection.execute(sa.select(templates.c.body).where(templates.c.id == template_id)).scalar_one()
    )


def _scope(organization: str, use_cases: Collection[str]) -> tuple[Any, ...]:
    """The living processes of the organization, or those of the use cases named."""
    living = (processes.c.organization == organization, processes.c.tombstone == "")
    return (*living, processes.c.name.in_(sorted(use_cases))) if use_cases else living


def _processes(connection: sa.Connection, scope: tuple[Any, ...], load: Load) -> dict[str, Process]:
    shelf = _templates(connection, scope, load)
    listing = sa.type_coerce(processes.c.listing, sa.Text).label("listing")
    facts = (processes.c[name] for name in ("id", "name", "project", "process_type", "exclusive", "archived"))
    query = sa.select(*facts, listing).where(*scope)
    decode = cache(json.loads)
    return {
        row.name: Process(
            name=row.name,
            project=row.project,
            listing=decode(row.listing),
            process_type=row.process_type,
            exclusive=row.exclusive,
            templates=tuple(shelf.get(row.id, ())),
            archived=row.archived,
        )
        for row in connection.execute(query).all()
    }


def _templates(connection: sa.Connection, scope: tuple[Any, ...], load: Load) -> Mapping[str, list[Template]]:
    """By process, in the order of revisions. Only the newest brings its body along: it is the one that the
    next version is compared with."""
    newest = (
        sa.select(templates.c.process_id, sa.func.max(templates.c.revision).label("revision"))
        .group_by(templates.c.process_id)
        .subquery()
    )
    body = sa.case((templates.c.revision == newest.c.revision, templates.c.body))
    query = (
        sa.select(
            templates.c.id,
            templates.c.process_id,
            templates.c.version,
            templates.c.revision,
            templates.c.digest,
            templates.c.commit,
            templates.c.snapshot,
            template_status.c.status,
            body.label("body"),
        )
        .join(template_status, template_status.c.template_id == templates.c.id)
        .join(newest, newest.c.process_id == templates.c.process_id)
        .join(processes, processes.c.id == templates.c.process_id)
        .where(*scope)
        .order_by(templates.c.process_id, templates.c.revision)
    )
    shelf: dict[str, list[Template]] = defaultdict(list)
    for row in connection.execute(query).all():
        fetch = partial(load, row.id) if row.body is None else partial(bytes, row.body)
        status = TemplateStatus(row.status)
        lazy = LazyBody(row.digest, row.version, fetch)
        shelf[row.process_id].append(
            Template(row.version, row.revision, row.digest, status, row.commit, lazy, row.snapshot)
        )
    return shelf


def _instances(connection: sa.Connection, scope: tuple[Any, ...]) -> dict[str, Instance]:
    live = _live(connection, scope)
    current = {
        row.instance_id: _deployment(row, (*live.get(row.id, ()), *live.get(row.instance_id, ())))
        for row in connection.execute(_current(scope))
    }
    last = {row.instance_id: _deployment(row, ()) for row in connection.execute(_last(scope))}
    query = (
        sa.select(
            *(instances.c[name] for name in _FACTS),
            sa.type_coerce(instances.c.desired, sa.Text).label("desired"),
            sa.type_coerce(instances.c.applied, sa.Text).label("applied"),
            processes.c.name.label("process"),
        )
        .join(processes, processes.c.id == instances.c.process_id)
        .where(*scope, instances.c.tombstone == "")
    )
    decode = cache(json.loads)  # most instances are alike: what is spelled the same is decoded once
    return {
        row.name: Instance(
            **{name: getattr(row, name) for name in _SAME},
            process=row.process,
            phase=InstancePhase(row.phase),
            desired=decode(row.desired),
            applied=decode(row.applied),
            current=current.get(row.id),
            last=last.get(row.id),
        )
        for row in connection.execute(query).all()
    }


_SAME = ("id", "name", "project", "stage", "owner", "auto_paused_by")
_FACTS = (*_SAME, "phase")
_SHOWN = (
    deployments.c.id,
    deployments.c.instance_id,
    deployments.c.version,
    deployments.c.template_digest,
    deployments.c.inputs_digest,
    deployments.c.status,
    deployments.c.error,
    deployments.c.error_code,
)


def _current(scope: tuple[Any, ...]) -> sa.Select[Any]:
    return (
        sa.select(*_SHOWN)
        .join(current_deployments, current_deployments.c.deployment_id == deployments.c.id)
        .join(instances, instances.c.id == deployments.c.instance_id)
        .join(processes, processes.c.id == instances.c.process_id)
        .where(*scope, instances.c.tombstone == "")
    )


def _last(scope: tuple[Any, ...]) -> sa.Select[Any]:
    """The latest attempt of each instance, where it is not the one that serves."""
    latest, is_latest = attempts.is_latest()
    return (
        sa.select(*_SHOWN, deployments.c.result)
        .join(latest, is_latest)
        .join(instances, instances.c.id == deployments.c.instance_id)
        .join(processes, processes.c.id == instances.c.process_id)
        .outerjoin(current_deployments, current_deployments.c.deployment_id == deployments.c.id)
        .where(
            *scope,
            instances.c.tombstone == "",
            current_deployments.c.deployment_id.is_(None),
        )
    )


def _deployment(row: Row, workflows: tuple[LiveWorkflow, ...]) -> Deployment:
    code = row.error_code
    if code == MISSING and not row.result.get("missing"):
        code = INTERRUPTED  # what was missing has come since, so nothing speaks against trying again
    return Deployment(
        version=row.version,
        template_digest=row.template_digest,
        inputs_digest=row.inputs_digest,
        status=DeploymentStatus(row.status),
        workflows=workflows,
        error=row.error,
        error_code=code,
    )


def _live(connection: sa.Connection, scope: tuple[Any, ...]) -> Mapping[str, list[LiveWorkflow]]:
    """The workflows of the deployments that serve, by deployment; and by instance what is live besides:
    traces of a crash, shown as drift so that a repair takes them away."""
    found: dict[str, list[LiveWorkflow]] = defaultdict(list)
    really = sa.case(
        (deployments.c.target == "builtin", sa.func.coalesce(live_workflows.c.digest, "")),
        else_=sa.func.coalesce(deployed_workflows.c.observed, deployed_workflows.c.digest),
    )
    query = (
        sa.select(
            deployed_workflows.c.deployment_id,
            deployed_workflows.c.workflow,
            deployed_workflows.c.live_id,
            deployed_workflows.c.digest,
            deployed_workflows.c.active,
            really.label("really"),
        )
        .join(
            current_deployments,
            current_deployments.c.deployment_id == deployed_workflows.c.deployment_id,
        )
        .join(deployments, deployments.c.id == deployed_workflows.c.deployment_id)
        .join(instances, instances.c.id == deployments.c.instance_id)
        .join(processes, processes.c.id == instances.c.process_id)
        .outerjoin(live_workflows, live_workflows.c.live_id == deployed_workflows.c.live_id)
        .where(*scope)
        .order_by(deployed_workflows.c.workflow)
    )
    known = set()
    for row in connection.execute(query).all():
        known.add(row.live_id)
        found[row.deployment_id].append(
            LiveWorkflow(row.workflow, row.live_id, row.digest, row.really, row.active)
        )
    everything = (
        sa.select(live_workflows)
        .join(instances, instances.c.id == live_workflows.c.instance_id)
        .join(processes, processes.c.id == instances.c.process_id)
        .where(*scope)
    )
    for row in connection.execute(everything):
        if row.live_id not in known:
            found[row.instance_id].append(LiveWorkflow(row.workflow, row.live_id, "", row.digest, False))
    return found


def _resources(connection: sa.Connection, organization: str, kind: str) -> dict[str, Resource]:
    query = sa.select(resources).where(resources.c.organization == organization, resources.c.kind == kind)
    built = latest_builds(connection, organization) if kind == "runtime" else {}
    return {
        row.name: Resource(row.name, row.project, row.digest, row.body, *built.get(row.name, ()))
        for row in connection.execute(query)
    }
