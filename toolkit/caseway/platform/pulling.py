"""Where projects are pulled from: registered, due, looked at, suspended. Nothing is fetched here.

The one rule: secrets are encrypted at rest and leave this module only for a fetch or a signature's check."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from caseway.model.canonical import JsonObject
from caseway.model.errors import CasewayError
from caseway.platform.audit import By, note
from caseway.platform.bundle import Platform
from caseway.platform.lookup import Row
from caseway.platform.pulling_url import check_url
from caseway.platform.tables import deliveries, instant, remotes, to_text

CLAIM = timedelta(minutes=15)  # so long one look may take before another worker takes it over
LONGEST = timedelta(hours=1)  # between two looks, however often it failed
SHORTEST = 5.0  # seconds between two looks


@dataclass(frozen=True, slots=True)
class Remote:
    """Where a project is pulled from and how: every `seconds` from the repository at `url`.
    `heals`: drift is repaired; `prunes`: what is no longer declared goes."""

    organization: str
    project: str
    url: str
    seconds: float = 60.0
    heals: bool = False
    prunes: bool = False


@dataclass(frozen=True, slots=True)
class Secrets:
    """What fetches (`token`, or an ssh `key`) and what signs push hooks (`hook`)."""

    token: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    hook: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class ProjectView:
    """One pulled project as people look at it. `heads` are the commits seen last by ref, `applied` those that
    were applied by stage; `drift` counts what hands have changed since."""

    project: str
    url: str
    seconds: float
    heals: bool
    prunes: bool
    suspended: bool
    heads: JsonObject
    applied: JsonObject
    seen_at: str
    applied_at: str
    due_at: str
    failures: int
    error: str
    drift: int


def register(platform: Platform, remote: Remote, secrets: Secrets, *, actor: str) -> ProjectView:
    """Have a project pulled, or change how; what was seen and applied is kept. An empty secret keeps the one
    there is."""
    check_url(remote.url)
    if not SHORTEST <= remote.seconds <= LONGEST.total_seconds() * 24:
        raise CasewayError(
            f"{remote.seconds:g} s cannot be the time between two looks", code="interval", hint="5 s to a day"
        )
    now = platform.clock()
    by = By(remote.organization, actor, now)
    fields = asdict(remote)
    key = {name: fields.pop(name) for name in ("organization", "project")}
    with platform.database.writing() as connection:
        row = _find(connection, **key)
        kept = Secrets() if row is None else _opened(platform, row)
        asked = {name: value for name, value in asdict(secrets).items() if value}
        sealed = platform.keyring().encrypt(to_text({**asdict(kept), **asked}).encode("utf-8"))
        values = {**fields, "secrets": sealed, "due_at": now, "failures": 0, "error": ""}
        if row is None:
            fresh = {"suspended": False, "heads": {}, "applied": {}, "drift": 0, "created_at": now}
            connection.execute(sa.insert(remotes).values(**key, **values, **fresh))
        else:
            connection.execute(sa.update(remotes).where(*_is(row)).values(**values))
        note(connection, by, ("register", "project", remote.project), after={"url": remote.url})
    return status(platform, remote.organization, remote.project)


def unregister(platform: Platform, organization: str, project: str, *, actor: str) -> None:
    """Pull a project no longer; what it brought stays. Raises `not-found`."""
    with platform.database.writing() as connection:
        row = _the(connection, organization, project)
        connection.execute(sa.delete(remotes).where(*_is(row)))
        waiting = (deliveries.c.organization == organization, deliveries.c.project == project)
        connection.execute(sa.delete(deliveries).where(*waiting))
        note(connection, By(organization, actor, platform.clock()), ("unregister", "project", project))


def suspend(platform: Platform, organization: str, project: str, *, actor: str) -> ProjectView:
    """Leave a project as it is, whatever is pushed, until it is resumed."""
    return _set_suspended(platform, organization, project, actor, suspended=True)


def resume(platform: Platform, organization: str, project: str, *, actor: str) -> ProjectView:
    """Pull it again, at once."""
    return _set_suspended(platform, organization, project, actor, suspended=False)


def ask(platform: Platform, organization: str, project: str) -> ProjectView:
    """Have a project looked at now."""
    with platform.database.writing() as connection:
        row = _the(connection, organization, project)
        connection.execute(sa.update(remotes).where(*_is(row)).values(due_at=platform.clock()))
    return status(platform, organization, project)


def status(platform: Platform, organization: str, project: str) -> ProjectView:
    """One pulled project; raises `not-found`."""
    with platform.database.reading() as connection:
        return _view(_the(connection, organization, project))


def statuses(platform: Platform, organization: str) -> list[ProjectView]:
    """Every pulled project of the organization, by name."""
    query = sa.select(remotes).where(remotes.c.organization == organization).order_by(remotes.c.project)
    with platform.database.reading() as connection:
        return [_view(row) for row in connection.execute(query)]


def claim_due(platform: Platform) -> tuple[Remote, Secrets, ProjectView] | None:
    """The project that waits longest for a look; nobody else gets it while it is looked at."""
    now = platform.clock()
    query = (
        sa.select(remotes)
        .where(remotes.c.due_at <= now, remotes.c.suspended.is_(False))
        .order_by(remotes.c.due_at)
        .limit(1)
    )
    with platform.database.reading() as connection:
        if connection.execute(query).first() is None:
            return None
    with platform.database.writing() as connection:
        row = connection.execute(query.with_for_update(skip_locked=True)).one_or_none()
        if row is None:
            return None
        connection.execute(sa.update(remotes).where(*_is(row)).values(due_at=now + CLAIM))
    remote = Remote(**{name: getattr(row, name) for name in Remote.__dataclass_fields__})
    return remote, _opened(platform, row), _view(row)


def looked(platform: Platform, remote: Remote, **seen: Any) -> None:
    """Record what a look has found: any of heads, applied, drift; `error` is "" when all went well."""
    now = platform.clock()
    with platform.database.writing() as connection:
        row = _find(connection, remote.organization, remote.project)
        if row is None:
            return
        error = str(seen.pop("error", ""))
        failures = row.failures + 1 if error else 0
        wait = timedelta(seconds=remote.seconds) * (2 ** min(failures, 10))
        values: dict[str, Any] = {"seen_at": now, **seen, "error": error[:4000], "failures": failures}
        if seen.get("applied", row.applied) != row.applied:
            values["applied_at"] = now
        values["due_at"] = now + min(wait, LONGEST) if error else now + timedelta(seconds=remote.seconds)
        connection.execute(sa.update(remotes).where(*_is(row)).values(**values))


def candidates(platform: Platform, is_meant: Callable[[str], bool]) -> list[tuple[Remote, str]]:
    """The projects pulled from an address that is meant, with the secret that signs their hooks, for those
    who have one."""
    with platform.database.reading() as connection:
        rows = connection.execute(sa.select(remotes)).all()
    found = []
    for row in rows:
        if not is_meant(row.url):
            continue
        hook = _opened(platform, row).hook
        if hook:
            remote = Remote(**{name: getattr(row, name) for name in Remote.__dataclass_fields__})
            found.append((remote, hook))
    return found


def _set_suspended(
    platform: Platform, organization: str, project: str, actor: str, *, suspended: bool
) -> ProjectView:
    now = platform.clock()
    with platform.database.writing() as connection:
        row = _the(connection, organization, project)
        values: Mapping[str, Any] = {"suspended": suspended, "due_at": now}
        connection.execute(sa.update(remotes).where(*_is(row)).values(**values))
        verb = "suspend" if suspended else "resume"
        note(connection, By(organization, actor, now), (verb, "project", project))
    return status(platform, organization, project)


def _find(connection: sa.Connection, organization: str, project: str) -> Row | None:
    where = (remotes.c.organization == organization, remotes.c.project == project)
    return connection.execute(sa.select(remotes).where(*where)).one_or_none()


def _the(connection: sa.Connection, organization: str, project: str) -> Row:
    row = _find(connection, organization, project)
    if row is None:
        raise CasewayError(
            f"project {project!r} is not pulled from anywhere",
            code="not-found",
            place=project,
            hint="register it with `caseway project add URL`",
        )
    return row


def _is(row: Row) -> tuple[Any, ...]:
    return remotes.c.organization == row.organization, remotes.c.project == row.project


def _opened(platform: Platform, row: Row) -> Secrets:
    return Secrets(**json.loads(platform.keyring().decrypt(row.secrets)))


def _view(row: Row) -> ProjectView:
    same = ("project", "url", "seconds", "heals", "prunes", "suspended", "heads", "applied")
    return ProjectView(
        **{name: getattr(row, name) for name in same},
        seen_at=instant(row.seen_at) if row.seen_at else "",
        applied_at=instant(row.applied_at) if row.applied_at else "",
        due_at=instant(row.due_at) if row.due_at else "",
        failures=row.failures,
        error=row.error,
        drift=row.drift,
    )
