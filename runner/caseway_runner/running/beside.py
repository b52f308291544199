"""What a task starts and does not await: it goes on beside the execution, which ends only after it."""

from __future__ import annotations

import asyncio
from typing import Any

from caseway_runner.activation import Activation


def leave(activation: Activation, work: Any) -> None:
    """Let `work` go on beside the execution, which ends only after it."""
    background = activation.run.session.background
    task = asyncio.ensure_future(_working(activation, work))
    background.add(task)
    task.add_done_callback(background.discard)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())


async def _working(activation: Activation, work: Any) -> Any:
    with activation.run.session.parking.working():
        return await work
