"""`listen`: waits for events. Not supported yet: documents that use it are refused before they run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from caseway_runner.scope import Scope

KEYS = frozenset({"listen", "foreach"})


def compile_body(_source: Mapping[str, Any], scope: Scope) -> None:
    """Always a finding."""
    scope.at("listen").report("unsupported", "`listen` is not supported yet")
