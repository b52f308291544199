"""The builds of runtimes: begun, ready or failed; which image a runtime stands for now.

The one rule: a build is a new version; what was ready stays as it was until it is removed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from caseway.model.errors import CasewayError
from caseway.platform.audit import By, note
from caseway.platform.building import BuildRequest
from caseway.platform.bundle import Platform
from caseway.platform.lookup import Row
from caseway.platform.tables import (
    current_deployments,
    deployments,
    instances,
    instant,
    resources,
    runtime_builds,
)

PENDING, BUILDING, READY, FAILED = "pending", "building", "ready", "failed"
LOG_LINES = 40
STALE = timedelta(hours=2)  # a build that long under way has lost who made it


@dataclass(frozen=True, slots=True)
class BuildView:
    """One build; times are RFC 3339, `ended_at` "" while it runs, `log` its last lines."""

    runtime: str
    version: int
    status: str
    image: str
    image_id: str
    size: int
    digest: str
    inputs: str
    log: str
    error: str
    actor: str
    started_at: str
    ended_at: str


@dataclass(frozen=True, slots=True)
class RuntimeView:
    """A runtime as stored: `status` is pending until its content was built once, then that of its newest
    build; `build` is the one that executions use."""

    name: str
    project: str
    digest: str
    status: str
    build: BuildView | None


def build(
    platform: Platform, request: BuildRequest, digest: str, *, actor: str, log: Callable[[str], None]
) -> BuildView:
    """Build a runtime's image, and record how that went. Raises what the builder raises, after recording it,
    and `CasewayError` (`build-running`) when another build of it is under way."""
    by = By(request.organization, actor, platform.clock())
    version = _begin(platform, by, request, digest)
    tail: deque[str] = deque(maxlen=LOG_LINES)

    def tell(line: str) -> None:
        tail.append(line)
        log(line)

    try:
        made = platform.builder(request, tell)
    except CasewayError as error:
        _end(platform, by, request, version, {"status": FAILED, "error": error.message[:4000]}, tail)
        raise
    except BaseException:
        _end(platform, by, request, version, {"status": FAILED, "error": "interrupted"}, tail)
        raise
    values = {"status": READY, "image": made.image, "image_id": made.image_id}
    _end(platform, by, request, version, {**values, "size": made.size, "inputs": made.inputs}, tail)
    with platform.database.reading() as connection:
        return _view(_row(connection, request.organization, request.name, version))


def image_of(
    connection: sa.Connection, organization: str, runtime: str, digest: str = ""
) -> BuildView | None:
    """The newest build that is ready, of that content when `digest` is given; None when there is none."""
    query = _builds(organization, runtime).where(runtime_builds.c.status == READY)
    if digest:
        query = query.where(runtime_builds.c.digest == digest)
    row = connection.execute(query.order_by(runtime_builds.c.version.desc()).limit(1)).one_or_none()
    return None if row is None else _view(row)


def latest_builds(connection: sa.Connection, organization: str) -> dict[str, tuple[str, str]]:
    """For each runtime the digest of the content that its newest ready build was made from, and its image."""
    query = (
        sa.select(runtime_builds.c.runtime, runtime_builds.c.digest, runtime_builds.c.image)
        .where(runtime_builds.c.organization == organization, runtime_builds.c.status == READY)
        .order_by(runtime_builds.c.version)
    )
    return {row.runtime: (row.digest, row.image) for row in connection.execute(query)}


def list_runtimes(platform: Platform, organization: str) -> list[RuntimeView]:
    """The runtimes of an organization, by name."""
    query = sa.select(resources).where(
        resources.c.organization == organization, resources.c.kind == "runtime"
    )
    with platform.database.reading() as connection:
        rows = connection.execute(query.order_by(resources.c.name)).all()
        return [_runtime(connection, row) for row in rows]


def the_runtime(platform: Platform, organization: str, name: str) -> RuntimeView:
    """The runtime of that name; raises `CasewayError` (`not-found`)."""
    found = {view.name: view for view in list_runtimes(platform, organization)}
    if name not in found:
        raise CasewayError(
            f"there is no runtime '{name}'",
            code="not-found",
            place=name,
            hint=f"known: {', '.join(sorted(found)) or 'none'}; 'caseway apply' brings those of the project",
        )
    return found[name]


def project_of(platform: Platform, organization: str, name: str) -> str | None:
    """Whose runtime it is, None when there is none of that name."""
    query = sa.select(resources.c.project).where(
        resources.c.organization == organization, resources.c.kind == "runtime", resources.c.name == name
    )
    with platform.database.reading() as connection:
        return connection.scalar(query)


def read_body(platform: Platform, organization: str, runtime: str) -> Mapping[str, Any]:
    """The content of a runtime, as the last apply brought it."""
    query = sa.select(resources.c.body).where(
        resources.c.organization == organization,
        resources.c.kind == "runtime",
        resources.c.name == runtime,
    )
    with platform.database.reading() as connection:
        body: Mapping[str, Any] = connection.execute(query).scalar_one()
    return body


def list_builds(platform: Platform, organization: str, runtime: str) -> list[BuildView]:
    """The builds of a runtime, the newest first."""
    query = _builds(organization, runtime).order_by(runtime_builds.c.version.desc())
    with platform.database.reading() as connection:
        return [_view(row) for row in connection.execute(query)]


def users_of(connection: sa.Connection, organization: str, runtime: str) -> list[str]:
    """The instances whose serving version names the runtime."""
    query = (
        sa.select(instances.c.name, deployments.c.result)
        .join(current_deployments, current_deployments.c.instance_id == instances.c.id)
        .join(deployments, deployments.c.id == current_deployments.c.deployment_id)
        .where(instances.c.organization == organization, instances.c.tombstone == "")
    )
    rows = connection.execute(query)
    return sorted(row.name for row in rows if (row.result or {}).get("runtime") == runtime)


def remove_builds(platform: Platform, organization: str, runtime: str, *, actor: str) -> list[BuildView]:
    """Forget all builds of a runtime; what they were. Raises `CasewayError` (`runtime-in-use`)."""
    with platform.database.transaction() as connection:
        used = users_of(connection, organization, runtime)
        if used:
            raise CasewayError(
                f"runtime {runtime} is used by {', '.join(used[:5])}",
                code="runtime-in-use",
                place=runtime,
                hint="undeploy them, or let them use another runtime, first",
            )
        views = [_view(row) for row in connection.execute(_builds(organization, runtime))]
        connection.execute(
            sa.delete(runtime_builds).where(*_of(organization, runtime), runtime_builds.c.status != BUILDING)
        )
        by = By(organization, actor, platform.clock())
        note(connection, by, ("remove", "runtime", runtime), before={"builds": len(views)})
    return views


def images_in_use(platform: Platform) -> frozenset[str]:
    """The images, by name and id, that a runtime of any organization stands for, or that an instance is
    deployed with."""
    with platform.database.reading() as connection:
        newest = sa.select(
            runtime_builds.c.organization,
            runtime_builds.c.runtime,
            sa.func.max(runtime_builds.c.version).label("version"),
        ).where(runtime_builds.c.status == READY)
        newest = newest.group_by(runtime_builds.c.organization, runtime_builds.c.runtime)
        same = newest.subquery()
        query = sa.select(runtime_builds.c.image).join(
            same,
            sa.and_(
                runtime_builds.c.organization == same.c.organization,
                runtime_builds.c.runtime == same.c.runtime,
                runtime_builds.c.version == same.c.version,
            ),
        )
        named = {str(row.image) for row in connection.execute(query)}
        serving = sa.select(deployments.c.result).join(
            current_deployments, current_deployments.c.deployment_id == deployments.c.id
        )
        records = [(row.result or {}).get("container") or {} for row in connection.execute(serving)]
    deployed = {str(record.get(part) or "") for record in records for part in ("image", "imageId")}
    return frozenset((named | deployed) - {""})


def _begin(platform: Platform, by: By, request: BuildRequest, digest: str) -> int:
    where = _of(request.organization, request.name)
    with platform.database.writing() as connection:
        running = connection.scalar(
            sa.select(sa.func.count())
            .select_from(runtime_builds)
            .where(*where, runtime_builds.c.status == BUILDING, runtime_builds.c.started_at > by.at - STALE)
        )
        if running:
            raise CasewayError(
                f"runtime {request.name} is being built already",
                code="build-running",
                place=request.name,
                hint="wait for it; 'caseway runtime get' shows how it goes",
            )
        connection.execute(
            sa.update(runtime_builds)
            .where(*where, runtime_builds.c.status == BUILDING)
            .values(status=FAILED, error="whoever built it went away", ended_at=by.at)
        )
        last = connection.scalar(sa.select(sa.func.max(runtime_builds.c.version)).where(*where))
        version = int(last or 0) + 1
        connection.execute(
            sa.insert(runtime_builds).values(
                organization=request.organization,
                runtime=request.name,
                version=version,
                digest=digest,
                inputs="",
                status=BUILDING,
                image="",
                image_id="",
                size=0,
                log="",
                error="",
                actor=by.actor,
                started_at=by.at,
            )
        )
    return version


def _end(
    platform: Platform,
    by: By,
    request: BuildRequest,
    version: int,
    values: dict[str, Any],
    tail: deque[str],
) -> None:
    now = platform.clock()
    this = (*_of(request.organization, request.name), runtime_builds.c.version == version)
    with platform.database.writing() as connection:
        connection.execute(
            sa.update(runtime_builds).where(*this).values(**values, log="\n".join(tail)[-8000:], ended_at=now)
        )
        note(
            connection,
            By(by.organization, by.actor, now),
            ("build", "runtime", request.name),
            after={"version": version, "status": values["status"]},
        )


def _runtime(connection: sa.Connection, row: Row) -> RuntimeView:
    newest = connection.execute(
        _builds(row.organization, row.name)
        .where(runtime_builds.c.digest == row.digest)
        .order_by(runtime_builds.c.version.desc())
        .limit(1)
    ).one_or_none()
    status = PENDING if newest is None else str(newest.status)
    return RuntimeView(
        row.name, row.project, row.digest, status, image_of(connection, row.organization, row.name)
    )


def _of(organization: str, runtime: str) -> tuple[Any, ...]:
    return runtime_builds.c.organization == organization, runtime_builds.c.runtime == runtime


def _builds(organization: str, runtime: str) -> sa.Select[Any]:
    return sa.select(runtime_builds).where(*_of(organization, runtime))


def _row(connection: sa.Connection, organization: str, runtime: str, version: int) -> Row:
    query = _builds(organization, runtime).where(runtime_builds.c.version == version)
    return connection.execute(query).one()


def _view(row: Row) -> BuildView:
    return BuildView(
        runtime=row.runtime,
        version=row.version,
        status=row.status,
        image=row.image,
        image_id=row.image_id,
        size=row.size,
        digest=row.digest,
        inputs=row.inputs,
        log=row.log,
        error=row.error,
        actor=row.actor,
        started_at=instant(row.started_at),
        ended_at=instant(row.ended_at) if row.ended_at is not None else "",
    )
