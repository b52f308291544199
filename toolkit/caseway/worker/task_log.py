"""Stores what the processes of an execution's tasks write, a moment after they wrote it, every secret masked.

Rule: a log never holds up its execution, and never fills the store: beyond its bounds it says so and ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from caseway.platform.bundle import Platform
from caseway.platform.telemetry import log
from caseway_runner import Line

SECONDS = 0.5  # between two writes: sooner than people look again
LINES = 10_000
CHARACTERS = 2_000_000


@dataclass(slots=True)
class TaskLog:
    """The log of one execution. `mask` hides secrets in a text."""

    platform: Platform
    execution_id: str
    mask: Callable[[str], str]
    _held: list[dict[str, Any]] = field(default_factory=list)
    _lines: int = 0
    _characters: int = 0
    _writing: asyncio.Task[None] | None = None

    def hear(self, line: Line) -> None:
        """Keep a line; it is stored soon."""
        if self._lines > LINES:
            return
        self._lines += 1
        self._characters += len(line.text)
        text, stream = self.mask(line.text), line.stream
        if self._lines > LINES or self._characters > CHARACTERS:
            self._lines, text, stream = LINES + 1, "the log is too long: what follows is not kept", "log"
        self._held.append(
            {"position": line.position, "at": self.platform.clock(), "stream": stream, "text": text}
        )
        if self._writing is None:
            self._writing = asyncio.get_running_loop().create_task(self._soon())

    async def close(self) -> None:
        """Store what is left."""
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)
        await self._write()

    async def _soon(self) -> None:
        while self._held:
            await asyncio.sleep(SECONDS)
            await asyncio.shield(self._write())
        self._writing = None

    async def _write(self) -> None:
        taken, self._held = self._held, []
        if taken:
            await asyncio.to_thread(log.append, self.platform, self.execution_id, taken)
