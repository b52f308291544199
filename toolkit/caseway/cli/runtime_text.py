"""Runtimes and their builds as the command line shows them, from the answers of the platform."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_OF_BUILD = {"version": None, "image": "", "imageId": "", "size": None, "endedAt": ""}


def runtime_facts(told: Mapping[str, Any]) -> dict[str, Any]:
    """A runtime with the build that executions use."""
    build = told["build"] or _OF_BUILD
    return {
        **{name: told[name] for name in ("name", "project", "digest", "status")},
        **{name: build[name] for name in _OF_BUILD},
    }


def build_facts(told: Mapping[str, Any]) -> dict[str, Any]:
    """One build."""
    return {name: value for name, value in told.items() if name not in {"runtime", "inputs"}}
