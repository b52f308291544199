"""Removes what nobody wants any more: containers, networks and volumes of ours whose maker has ended.

Rule: only what carries our labels is looked at, and what a living process made is left alone. What another
machine's process made is removed once it has ended by itself: a runner ends when nobody speaks to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import docker.errors

from caseway.containers.engine import Created, Engine
from caseway.containers.owner import LABEL, OURS, is_gone
from caseway.containers.sandbox import labelled
from caseway.containers.sdk_errors import engine_errors

UNTIL = "dev.caseway.until"  # seconds since 1970; kept until then, whoever made it
_ENDED = frozenset({"exited", "dead", "created"})
_SETTLED_SECONDS = 120.0  # what was created just now may be about to start


@dataclass(frozen=True, slots=True)
class Reaped:
    """The names of what was removed."""

    containers: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.containers or self.networks or self.volumes)


def reap(engine: Engine, now: datetime | None = None) -> Reaped:
    """Remove what is abandoned. Raises `ContainerLost` when the engine does not answer."""
    moment = (now or datetime.now(UTC)).timestamp()
    gone = [item for item in engine.ours(OURS) if is_abandoned(item, moment)]
    for item in gone:
        engine.remove(item.id)
    return Reaped(
        tuple(sorted(item.name for item in gone)),
        tuple(sorted(_unused(engine, engine.client.api.networks, engine.client.api.remove_network))),
        tuple(sorted(_unused(engine, _volumes(engine), engine.client.api.remove_volume))),
    )


def is_abandoned(item: Created, now: float) -> bool:
    """Whether nobody will ask for it again."""
    until = item.labels.get(UNTIL, "")
    if until.isdecimal():
        return now >= int(until)
    if LABEL not in item.labels or is_gone(item.labels):
        # Without an owner it is a step of a build, or a probe: those that run are somebody's.
        return LABEL in item.labels or (item.status in _ENDED and now - item.created > _SETTLED_SECONDS)
    return item.status in _ENDED and now - item.created > _SETTLED_SECONDS


def _volumes(engine: Engine) -> Any:
    return lambda filters: engine.client.api.volumes(filters=filters)["Volumes"] or []


def _unused(engine: Engine, listed: Any, remove: Any) -> list[str]:
    """Networks or volumes of ours that were removed: the engine refuses those in use."""
    removed = []
    with engine_errors(engine.address.url):
        for item in listed(filters={"label": labelled(OURS)}):
            labels: Mapping[str, str] = item.get("Labels") or {}
            if not is_gone(labels):
                continue
            try:
                remove(item.get("Id") or item["Name"])
            except docker.errors.APIError:
                continue  # in use, or gone already
            removed.append(str(item["Name"]))
    return removed
