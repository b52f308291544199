"""Steering one instance by hand. Every change is audited; against the repo it shows as drift."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from caseway.model.canonical import JsonObject
from caseway.model.errors import CasewayError
from caseway.model.states import DeploymentStatus
from caseway.platform import attempts, lease, rows
from caseway.platform.audit import By, note
from caseway.platform.bundle import Platform
from caseway.platform.deployment_views import DeploymentView, list_deployments
from caseway.platform.exclusive import bring_back, switch_off_others
from caseway.platform.graves import purge
from caseway.platform.instance_views import InstanceView, get_instance
from caseway.platform.lookup import Row, find_grave, find_instance, the_instance
from caseway.platform.redeploy import redeploy
from caseway.platform.steering import tell_targets
from caseway.platform.tables import deployments, instant
from caseway.platform.undeploy import recover
from caseway.platform.undeploy import undeploy as take_down
from caseway.reconcile.ranges import is_exact

__all__ = [
    "archive",
    "delete",
    "deploy",
    "pause",
    "purge",
    "restore",
    "resume",
    "rollback",
    "share",
    "undeploy",
    "update",
]

SHARING = frozenset({"owner_only", "admins", "everyone", "users"})
ROLES = frozenset({"viewer", "operator", "editor", "owner"})


def pause(
    platform: Platform, organization: str, name: str, *, actor: str, expected: str = ""
) -> InstanceView:
    """Triggers off, everything kept."""
    return _change(platform, organization, name, (actor, expected), "pause", {"enabled": False})


def resume(
    platform: Platform, organization: str, name: str, *, actor: str, expected: str = ""
) -> InstanceView:
    """Triggers on again; in an exclusive process the other stages' go off."""
    return _change(platform, organization, name, (actor, expected), "resume", {"enabled": True})


def archive(
    platform: Platform, organization: str, name: str, *, actor: str, expected: str = ""
) -> InstanceView:
    """Hidden and off, restorable; its place in the stage is free."""
    return _change(platform, organization, name, (actor, expected), "archive", {"archived": True})


def restore(
    platform: Platform, organization: str, name: str, *, actor: str, expected: str = ""
) -> InstanceView:
    """Back from the archive, or from the grave while its name and place are free."""
    by = By(organization, actor, platform.clock())
    with platform.database.transaction() as connection:
        if find_instance(connection, organization, name) is None:
            _raise_from_grave(connection, name, by)
    return _change(platform, organization, name, (actor, expected), "restore", {"archived": False})


def share(
    platform: Platform, organization: str, name: str, sharing: JsonObject, *, actor: str, expected: str = ""
) -> InstanceView:
    """Who may use the instance: `{mode, users: [{user, role}]}`."""
    mode, users = sharing.get("mode", "owner_only"), sharing.get("users") or ()
    roles = [user.get("role") for user in users if isinstance(user, Mapping)]  # type: ignore[union-attr]
    if mode not in SHARING or any(role not in ROLES for role in roles):
        raise CasewayError(
            f"cannot share {name} like this",
            code="sharing",
            place=name,
            hint=f"mode is one of {', '.join(sorted(SHARING))}; a role one of {', '.join(sorted(ROLES))}",
        )
    return _change(platform, organization, name, (actor, expected), "share", {"sharing": dict(sharing)})


def deploy(
    platform: Platform, organization: str, name: str, version: str = "", *, actor: str, expected: str = ""
) -> DeploymentView:
    """Deploy `version` and stay with it; without one, what failed last, else what the instance follows.

    The instance then is its process's active stage. A failure leaves everything as it was."""
    by = By(organization, actor, platform.clock())
    with lease.hold(platform) as held:
        recover(platform, held)
        _refuse_seen_changed(platform, organization, name, expected)
        redeploy(platform, name, by, held, version=version)
        with platform.database.transaction() as connection:
            lease.confirm(connection, held, platform.clock())
            row = the_instance(connection, organization, name)
            changes: dict[str, Any] = {"auto_paused_by": ""} if row.auto_paused_by else {}
            if version:
                changes["desired"] = {**row.desired, "version": version}
            if changes:
                rows.settle(connection, row, by.at, **changes)
            touched = _winning(connection, name, by)
    _tell(platform, organization, (name, *touched))
    return list_deployments(platform, organization, name, limit=1)[0]


def rollback(
    platform: Platform, organization: str, name: str, version: str = "", *, actor: str, expected: str = ""
) -> DeploymentView:
    """Deploy an earlier version again, by default the one that served before, and stay with it."""
    if not version:
        with platform.database.reading() as connection:
            version = _before(connection, the_instance(connection, organization, name))
    return deploy(platform, organization, name, version, actor=actor, expected=expected)


def update(  # noqa: PLR0913 - one keyword per field that may change
    platform: Platform,
    organization: str,
    name: str,
    *,
    parameters: JsonObject | None = None,
    credentials: JsonObject | None = None,
    resources: JsonObject | None = None,
    version: str | None = None,
    actor: str,
    expected: str = "",
) -> DeploymentView | None:
    """Change fields (mappings are merged, a null removes a key) and deploy what follows from it; the
    deployment, None when nothing was deployed before. A change that cannot be deployed is taken back."""
    given = {"parameters": parameters, "credentials": credentials, "resources": resources}
    by = By(organization, actor, platform.clock())
    with lease.hold(platform) as held:
        recover(platform, held)
        with platform.database.transaction() as connection:
            lease.confirm(connection, held, by.at)
            row = the_instance(connection, organization, name)
            _refuse_changed(row, expected)
            after = {**row.desired}
            for field, value in given.items():
                if value is not None:
                    after[field] = _merged(row.desired.get(field) or {}, value)
            if version is not None:
                after["version"] = version
            if after != row.desired:
                rows.settle(connection, row, by.at, desired=after)
                note(connection, by, ("update", "instance", name), **_differing(row.desired, after))
            serving = attempts.latest(connection, row.id)
        if serving is None:
            return None
        _deploy_or_take_back(platform, row, after, (by, held))
    return list_deployments(platform, organization, name, limit=1)[0]


def undeploy(
    platform: Platform, organization: str, name: str, *, actor: str, expected: str = ""
) -> InstanceView:
    """Nothing live any more; definition and history are kept. The instance shows as paused until it is
    deployed again, and then is what it is wanted to be: this changes nothing of that."""
    by = By(organization, actor, platform.clock())
    with lease.hold(platform) as held:
        recover(platform, held)
        _refuse_seen_changed(platform, organization, name, expected)
        with platform.database.reading() as connection:
            was_running = rows.is_running(the_instance(connection, organization, name).phase)
        touched: list[str] = []
        if take_down(platform, name, by, held) and was_running:
            with platform.database.transaction() as connection:
                lease.confirm(connection, held, platform.clock())
                touched = bring_back(connection, the_instance(connection, organization, name), by)
    _tell(platform, organization, touched)
    return get_instance(platform, organization, name)


def delete(platform: Platform, organization: str, name: str, *, actor: str, expected: str = "") -> None:
    """Undeploy, then leave a tombstone: `restore` brings it back, `purge` ends it."""
    by = By(organization, actor, platform.clock())
    with lease.hold(platform) as held:
        recover(platform, held)
        _refuse_seen_changed(platform, organization, name, expected)
        take_down(platform, name, by, held)
        with platform.database.transaction() as connection:
            lease.confirm(connection, held, by.at)
            row = the_instance(connection, organization, name)
            rows.settle(connection, row, by.at, tombstone=row.id, deleted_at=by.at)
            note(connection, by, ("delete", "instance", name), before={"stage": row.stage})
            touched = bring_back(connection, row, by)
    _tell(platform, organization, touched)


def _change(
    platform: Platform,
    organization: str,
    name: str,
    who: tuple[str, str],
    action: str,
    fields: Mapping[str, Any],
) -> InstanceView:
    """Set fields of one instance, and what follows for the other stages. `who`: the actor, and when they saw
    it changed last ("" when they do not care)."""
    actor, expected = who
    by = By(organization, actor, platform.clock())
    touched: list[str] = []
    with platform.database.transaction() as connection:
        row = the_instance(connection, organization, name)
        _refuse_changed(row, expected)
        _refuse_archived(row, action)
        after = {**row.desired, **fields}
        changes: dict[str, Any] = {"desired": after} if after != row.desired else {}
        if action == "resume" and row.auto_paused_by:
            changes["auto_paused_by"] = ""
        if changes:
            phase = rows.settle(connection, row, by.at, **changes)
            note(connection, by, (action, "instance", name), **_differing(row.desired, after))
            if rows.is_running(phase) and not rows.is_running(row.phase):
                touched = _winning(connection, name, by)
            elif rows.is_running(row.phase) and not rows.is_running(phase):
                touched = bring_back(connection, row, by)
    _tell(platform, organization, (name, *touched))
    return get_instance(platform, organization, name)


def _winning(connection: sa.Connection, name: str, by: By) -> list[str]:
    row = the_instance(connection, by.organization, name)
    return switch_off_others(connection, row, by) if rows.is_running(row.phase) else []


def _refuse_seen_changed(platform: Platform, organization: str, name: str, expected: str) -> None:
    """As `_refuse_changed`; under the lease nobody else comes between."""
    if expected:
        with platform.database.reading() as connection:
            _refuse_changed(the_instance(connection, organization, name), expected)


def _refuse_changed(row: Row, expected: str) -> None:
    """Two hands: what the second one saw is no longer so."""
    if expected and instant(row.updated_at) != expected:
        raise CasewayError(
            f"{row.name} was changed since: {instant(row.updated_at)}",
            code="changed",
            place=row.name,
            hint="look at it again, then decide anew",
        )


def _refuse_archived(row: Row, action: str) -> None:
    if row.desired.get("archived", False) and action in {"pause", "resume"}:
        raise CasewayError(
            f"{row.name} is archived: it cannot {action}",
            code="illegal-transition",
            place=row.name,
            hint=f"run `caseway instance restore {row.name}` first",
        )


def _deploy_or_take_back(
    platform: Platform, before: Row, after: Mapping[str, Any], how: tuple[By, lease.Lease]
) -> None:
    by, held = how
    version = str(after["version"]) if _is_new_pin(before.desired, after) else ""
    try:
        redeploy(platform, before.name, by, held, version=version, reason="update")
    except CasewayError:
        with platform.database.transaction() as connection:
            lease.confirm(connection, held, platform.clock())
            row = the_instance(connection, by.organization, before.name)
            rows.settle(connection, row, by.at, desired=before.desired)
            note(connection, by, ("undo", "instance", before.name), **_differing(after, before.desired))
        raise


def _is_new_pin(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    return before.get("version") != after.get("version") and is_exact(str(after.get("version")))


def _merged(before: Any, given: JsonObject) -> dict[str, Any]:
    both = {**before, **given}
    return {key: value for key, value in both.items() if value is not None}


def _differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """For the audit: the fields that differ, before and after."""
    names = [name for name in after if before.get(name) != after.get(name)]
    return {
        "before": {name: before.get(name) for name in names},
        "after": {name: after.get(name) for name in names},
    }


def _before(connection: sa.Connection, row: Row) -> str:
    """The version that served before what serves now."""
    serving = attempts.current(connection, row.id)
    digest = serving.template_digest if serving is not None else ""
    found = connection.scalar(
        sa.select(deployments.c.version)
        .where(
            deployments.c.instance_id == row.id,
            deployments.c.status == DeploymentStatus.SUPERSEDED,
            deployments.c.template_digest != digest,
        )
        .order_by(deployments.c.number.desc())
        .limit(1)
    )
    if found is None:
        raise CasewayError(
            f"{row.name} has no earlier version to go back to", code="not-found", place=row.name
        )
    return str(found)


def _raise_from_grave(connection: sa.Connection, name: str, by: By) -> None:
    row = find_grave(connection, by.organization, name)
    if row is None:
        the_instance(connection, by.organization, name)
        return
    rows.settle(connection, row, by.at, tombstone="", deleted_at=None)
    note(connection, by, ("restore", "instance", name), after={"stage": row.stage})


def _tell(platform: Platform, organization: str, names: Any) -> None:
    for name in names:
        tell_targets(platform, organization, name)
