"""The fields of an instance that the repo owns, in one place for planner, store and drift."""

from __future__ import annotations

from caseway.model.canonical import JsonObject
from caseway.model.desired import Instance

INSTANCE_FIELDS = ("version", "enabled", "archived", "parameters", "credentials", "sharing", "resources")


def instance_fields(instance: Instance) -> JsonObject:
    """The repo-owned fields of a desired instance as plain JSON."""
    return {name: _plain(getattr(instance, name)) for name in INSTANCE_FIELDS}


def _plain(value: object) -> object:
    return dict(value) if hasattr(value, "items") else value  # type: ignore[call-overload]
