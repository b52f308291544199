"""Tells whoever listens in this process which executions have become pending, so that nobody has to look.

Rule: it is a hint. What nobody heard is found by the next look at the store.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

Hear = Callable[[Sequence[str]], None]


@dataclass(frozen=True, slots=True)
class Bell:
    """Heard by any number of listeners, from any thread; they return at once and do not raise."""

    _listeners: list[Hear] = field(default_factory=list)

    def listen(self, hear: Hear) -> None:
        """Tell `hear` from now on."""
        self._listeners.append(hear)

    def leave(self, hear: Hear) -> None:
        """Tell it no more."""
        self._listeners.remove(hear)

    def ring(self, execution_ids: Sequence[str]) -> None:
        """Say that these are pending now."""
        if execution_ids:
            for hear in tuple(self._listeners):
                hear(execution_ids)
