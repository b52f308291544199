"""Whether an instance may run one more execution: its `limits.concurrency`.

Rule: asked and answered in the transaction that makes the execution run, so that no two take the last place.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from caseway.platform import prepared
from caseway.platform.statements import Raw


@dataclass(frozen=True, slots=True)
class Room:
    """The executions of each instance that run now, counted once in a transaction."""

    connection: Raw
    now: str
    _running: dict[str, int] = field(default_factory=dict)

    def take(self, instance_id: str, concurrency: Any) -> bool:
        """Whether one more may run; from here on it counts as running."""
        if not isinstance(concurrency, int):
            return True
        if instance_id not in self._running:
            self._running[instance_id] = prepared.running(self.connection, instance_id, self.now)
        if self._running[instance_id] >= concurrency:
            return False
        self._running[instance_id] += 1
        return True
