"""Why does nothing arrive? HTTP triggers that nobody can call, and schedules that do not fire."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from caseway.platform.bundle import Platform
from caseway.platform.doctor.finding import ERROR, OK, WARNING, Finding
from caseway.platform.instance_views import InstanceView
from caseway.platform.tables import api_keys, executions, instances, schedules

CHECK = "triggers"
LATE = timedelta(minutes=2)  # a scheduler looks every second: what is this late, nobody looks at
_OFF: Mapping[str, str] = {
    "user_paused": "caseway instance resume {name}",
    "missing_integration": "store the credential it lacks; it then goes live by itself",
    "deploy_failed": "caseway instance deploy {name}",
    "archived": "caseway instance restore {name}",
}


def calling(platform: Platform, organization: str, views: Sequence[InstanceView]) -> Iterator[Finding]:
    """For every HTTP trigger whether it is on, has a key, and a URL that the outside can know."""
    called = [view for view in views if any(True for _ in _http(view))]
    with platform.database.reading() as connection:
        keyed = _with_keys(connection, organization, platform.clock())
        reached = set(connection.scalars(_reached(organization)))
        late = connection.execute(_late(platform, organization)).all()
    found = [*_base(platform, called), *(each for view in called for each in _one(view, keyed, reached))]
    found += [
        Finding(
            CHECK,
            ERROR,
            f"{row.name}/{row.workflow}: {row.trigger_id} was due at {row.next_at:%Y-%m-%d %H:%M} UTC",
            "start a scheduler: caseway serve all, or caseway serve worker",
        )
        for row in late
    ]
    yield from found
    if not found:
        yield Finding(CHECK, OK, f"{len(called)} instances can be called over HTTP, no schedule is late")


def _base(platform: Platform, called: Sequence[InstanceView]) -> Iterator[Finding]:
    if called and not platform.base_url:
        yield Finding(
            CHECK,
            WARNING,
            "webhook URLs have no host: other systems cannot be told where to call",
            "set CASEWAY_BASE_URL to the address under which the server is reached",
        )


def _one(view: InstanceView, keyed: set[str], reached: set[str]) -> Iterator[Finding]:
    if view.phase != "active":
        why = f"switched off by {view.auto_paused_by}" if view.auto_paused_by else view.phase
        hint = _OFF.get(view.phase, "").format(name=view.name)
        yield Finding(CHECK, WARNING, f"{view.name} answers no call: it is {why}", hint)
        return
    needs_key = [trigger for trigger in _http(view) if trigger.get("auth", "key") == "key"]
    if needs_key and view.id not in keyed:
        url = needs_key[0].get("url") or needs_key[0].get("path") or ""
        yield Finding(
            CHECK,
            WARNING,
            f"{view.name} has no API key that is valid: every call of {url} is refused",
            f"caseway key create {view.name}",
        )
    elif view.id not in reached:
        urls = ", ".join(str(trigger.get("url") or trigger.get("path")) for trigger in _http(view))
        yield Finding(
            CHECK,
            WARNING,
            f"{view.name}: no call has come in yet",
            f"enter the address in the system that shall call: {urls}",
        )


def _http(view: InstanceView) -> Iterator[Mapping[str, Any]]:
    for workflow in view.workflows:
        yield from (trigger for trigger in workflow.triggers if trigger.get("type") == "http")


def _reached(organization: str) -> sa.Select[Any]:
    """The instances that a call has started something of, as far as executions are kept."""
    of = executions.c
    return sa.select(of.instance_id).where(of.organization == organization, of.trigger == "http").distinct()


def _with_keys(connection: sa.Connection, organization: str, now: datetime) -> set[str]:
    """The ids of instances with a key that has neither expired nor been revoked."""
    query = (
        sa.select(api_keys.c.instance_id)
        .join(instances, instances.c.id == api_keys.c.instance_id)
        .where(
            instances.c.organization == organization,
            api_keys.c.revoked_at.is_(None),
            sa.or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > now),
        )
    )
    return set(connection.scalars(query))


def _late(platform: Platform, organization: str) -> sa.Select[Any]:
    return (
        sa.select(instances.c.name, schedules.c.workflow, schedules.c.trigger_id, schedules.c.next_at)
        .join(instances, instances.c.id == schedules.c.instance_id)
        .where(
            instances.c.organization == organization,
            instances.c.phase == "active",
            schedules.c.is_enabled,
            schedules.c.next_at < platform.clock() - LATE,
        )
        .order_by(schedules.c.next_at)
    )
