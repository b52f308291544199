"""Telling targets whether the workflows of an instance shall answer triggers, after the store has changed."""

from __future__ import annotations

from caseway.platform import attempts
from caseway.platform.bundle import Platform
from caseway.platform.lookup import find_instance
from caseway.platform.rows import is_running


def tell_targets(platform: Platform, organization: str, name: str) -> None:
    """Bring the target of an instance to the phase the store says; nothing when nothing is deployed."""
    with platform.database.reading() as connection:
        instance = find_instance(connection, organization, name)
        serving = attempts.current(connection, instance.id) if instance is not None else None
        if instance is None or serving is None:
            return
        live_ids = [row.live_id for row in attempts.workflows_of(connection, serving.id)]
    platform.target(serving.target).activate(live_ids, active=is_running(instance.phase))
