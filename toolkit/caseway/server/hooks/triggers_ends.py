"""Waiting for executions to end, for any number of callers at once.

Rule: one look at the store serves everybody who waits; nobody waits, nobody looks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from caseway.platform.triggers.results import Result

EVERY = 0.02  # seconds between two looks: what a caller waits too long, at most
PATIENCE = 1.0  # seconds that who waits may still wait when the server is told to stop

Look = Callable[[Sequence[str]], Sequence[Result]]


@dataclass(slots=True)
class Ends:
    """`look` reads which of some executions have ended; `tell` and `give` may be called by who knows of an
    end. Once `ending` is set, which is when the server is told to stop, nobody waits for long."""

    look: Look
    every: float = EVERY
    ending: asyncio.Event = field(default_factory=asyncio.Event)
    _waiting: dict[str, list[asyncio.Future[Result | None]]] = field(default_factory=dict)
    _told: asyncio.Event = field(default_factory=asyncio.Event)
    _looking: asyncio.Task[None] | None = None

    async def wait(self, execution_id: str, seconds: float) -> Result | None:
        """The result once there is one, None when it takes longer than that, or the server stops."""
        future: asyncio.Future[Result | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(execution_id, []).append(future)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        try:
            return await asyncio.wait_for(future, seconds)
        except TimeoutError:
            return None
        finally:
            self._forget(execution_id, future)

    def tell(self) -> None:
        """Something ended: look at once."""
        self._told.set()

    def give(self, result: Result) -> None:
        """Something ended, like this: nobody needs to look."""
        for future in self._waiting.pop(result.id, ()):
            if not future.done():
                future.set_result(result)

    async def _look(self) -> None:
        last = None  # the moment until which one may wait, once the end has come
        try:
            while self._waiting:
                if self.ending.is_set():
                    now = asyncio.get_running_loop().time()
                    last = now + PATIENCE if last is None else last
                    if now >= last:
                        self._let_go()
                        return
                for result in await asyncio.to_thread(self.look, list(self._waiting)):
                    self.give(result)
                self._told.clear()
                try:
                    await asyncio.wait_for(self._told.wait(), self.every)
                except TimeoutError:
                    continue
        except Exception as error:  # noqa: BLE001 - whatever broke the look, those who wait must hear of it
            for futures in self._waiting.values():
                for future in futures:
                    if not future.done():
                        future.set_exception(error)

    def _let_go(self) -> None:
        """Who waits still learns no more here than where to ask."""
        for futures in self._waiting.values():
            for future in futures:
                if not future.done():
                    future.set_result(None)

    def _forget(self, execution_id: str, future: asyncio.Future[Result | None]) -> None:
        waiting = self._waiting.get(execution_id, [])
        if future in waiting:
            waiting.remove(future)
        if not waiting:
            self._waiting.pop(execution_id, None)
