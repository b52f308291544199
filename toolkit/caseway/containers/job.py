"""One execution, described so that it can run anywhere.

Rule: plain data; what it needs while it runs comes through its ports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import caseway_runner as runner
from caseway.containers.sandbox import Sandbox


@dataclass(frozen=True, slots=True)
class Warmth:
    """How many containers of a deployment are kept ready: at least `least` while the platform is up, at most
    `most`; one that had nothing to do for `idle_seconds` goes, down to `least`."""

    least: int = 0
    most: int = 0
    idle_seconds: float = 60.0


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
