"""The executions that one process runs now: never more than so many at once.

Rule: whoever finds room takes it at once, within one turn of the event loop, so that no two take the same.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

import caseway_runner as runner
from caseway.model.errors import CasewayError
from caseway.platform.creation import Made, NewExecution
from caseway.platform.held import Claim
from caseway.worker.run import Worker, run_claimed

LOG = logging.getLogger("caseway.worker")

Ended = Callable[[Claim, runner.Outcome], None]


@dataclass(slots=True)
class Pool:
    """What runs now. `ended` counts what ran to an outcome; `heard` are told of each."""

    worker: Worker
    most: int = 10
    ended: int = 0
    heard: list[Ended] = field(default_factory=list)
    is_closed: bool = False
    _taken: int = 0
    _is_wanting: bool = False
    _running: set[asyncio.Task[None]] = field(default_factory=set)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def room(self) -> int:
        """How many more may run."""
        return 0 if self.is_closed else self.most - self._taken - len(self._running)

    @property
    def is_idle(self) -> bool:
        """Whether nothing runs or is about to."""
        return not self._running and not self._taken

    async def start(self, new: NewExecution) -> Made:
        """Make an execution and run it here, if there is room; else it is pending for whoever has.

        Raises as `creation.create`. A `Start` of triggers: the answer comes when the execution is durable."""
        if self.room <= 0:
            return await self.worker.dispatcher.create(new)
        # Whoever asked may go away meanwhile: what was claimed for them is run all the same.
        return await asyncio.shield(asyncio.create_task(self._begun(new)))

    async def take(self, execution_id: str) -> bool:
        """Claim a pending execution and run it; False when it cannot be had. Raises `CasewayError`."""
        return await asyncio.shield(asyncio.create_task(self._claimed(execution_id)))

    def wake(self) -> None:
        """Say that there may be something to do."""
        self._changed.set()

    async def change(self, seconds: float) -> None:
        """Return when `wake` was called, or something ended that others had to wait for; at the latest after
        that time."""
        try:
            await asyncio.wait_for(self._changed.wait(), seconds)
        except TimeoutError:
            return
        finally:
            self._changed.clear()

    async def let_go(self, grace: float) -> None:
        """Begin nothing more; let what runs end within `grace` seconds and hand over the rest."""
        self.is_closed = True
        if self._running:
            await asyncio.wait(self._running, timeout=grace)
        self.worker.is_ending = True
        late = [task for task in self._running if not task.done()]
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _begun(self, new: NewExecution) -> Made:
        self._taken += 1
        try:
            begun = await self.worker.dispatcher.begin(new, seconds=self.worker.claim_seconds)
        finally:
            self._taken -= 1
        if begun.claim is not None:
            self._run(begun.claim)
        return Made(begun.id, begun.is_new)

    async def _claimed(self, execution_id: str) -> bool:
        self._taken += 1
        try:
            held = await self.worker.dispatcher.claim(execution_id, seconds=self.worker.claim_seconds)
        finally:
            self._taken -= 1
        if held is not None:
            self._run(held)
        return held is not None

    def _run(self, held: Claim) -> None:
        task = asyncio.create_task(self._ran(held))
        self._running.add(task)
        task.add_done_callback(self._left)

    def _left(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if self._is_wanting or self.is_idle:
            self._is_wanting = False
            self._changed.set()

    def want(self) -> None:
        """Say that something could not be had for want of room, here or of its instance."""
        self._is_wanting = True

    async def _ran(self, held: Claim) -> None:
        """Run it to its outcome. One that fails us (its claim was lost, the store does not answer) is left to
        the sweep: its claim expires."""
        try:
            outcome = await run_claimed(self.worker, held)
        except CasewayError as error:
            LOG.warning("execution %s was left: %s", held.execution_id, error.message)
            return
        except Exception:
            LOG.exception("execution %s was left", held.execution_id)
            return
        self.ended += 1
        for hear in self.heard:
            hear(held, outcome)
