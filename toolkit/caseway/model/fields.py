"""The fields of an instance that the repo owns, in one place for planner, store and drift."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from caseway.model.canonical import JsonObject
from caseway.model.desired import Instance

INSTANCE_FIELDS = ("version", "enabled", "archived", "parameters", "credentials", "sharing", "resources")


def instance_fields(instance: Instance) -> JsonObject:
    """The repo-owned fields of a desired instance as plain JSON."""
    return {name: _plain(getattr(instance, name)) for name in INSTANCE_FIELDS}


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else value
