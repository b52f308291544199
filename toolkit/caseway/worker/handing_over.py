"""Running one execution for somebody who looks on, until its end or SIGTERM.

Rule: what is told to end is left pending, for another worker to go on with at once."""

from __future__ import annotations

import asyncio
import signal

import caseway_runner as runner
from caseway.model.errors import CasewayError
from caseway.worker.run import Worker, claim, run_claimed


async def run_until_told(worker: Worker, execution_id: str) -> runner.Outcome:
    """Run it to its end. Raises `CasewayError` (`handed-over`) when SIGTERM came first."""
    running = asyncio.ensure_future(run_claimed(worker, claim(worker, execution_id)))
    loop = asyncio.get_running_loop()

    def hand_over() -> None:
        worker.is_ending = True
        running.cancel()

    loop.add_signal_handler(signal.SIGTERM, hand_over)
    try:
        return await running
    except asyncio.CancelledError:
        if not worker.is_ending:
            raise
        raise CasewayError(
            f"told to end: execution {execution_id} is left to another worker",
            code="handed-over",
            place=execution_id,
            hint=f"or go on with: caseway executions resume {execution_id}",
        ) from None
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
