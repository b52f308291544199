"""One execution, described so that it can run anywhere.

Rule: plain data; what it needs while it runs comes through its ports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import caseway_runner as runner
from caseway.containers.sandbox import Sandbox
from caseway.containers.warmth import Warmth


@dataclass(frozen=True, slots=True)
class Place:
    """Where a job runs when it runs in a container: all jobs of one `deployment` may share containers."""

    sandbox: Sandbox
    deployment: str = ""
    warmth: Warmth = field(default_factory=Warmth)


@dataclass(frozen=True, slots=True)
class Job:
    """What to run: the document, its input, who it is, and where (None: in this process)."""

    document: Mapping[str, Any]
    input: Any
    execution: runner.Execution
    place: Place | None = None
