"""Timeouts: cut work off, remember in the journal that it was, and cut it off again when replaying."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext
from datetime import timedelta
from typing import Any

from caseway_runner.activation import Activation
from caseway_runner.errors import SPEC_ERRORS, Fault, fault
from caseway_runner.moments import moment
from caseway_runner.ports import Ports
from caseway_runner.session import Doomed, Strand

TIMEOUT = SPEC_ERRORS + "timeout"


@asynccontextmanager
async def time_limit(
    strand: Strand, ports: Ports, seconds: float, error: Callable[[], Fault]
) -> AsyncIterator[None]:
    """Cut the body off after `seconds`, by the machine's clock or, for waits, by the port's."""
    deadline = ports.clock.now() + timedelta(seconds=seconds)
    outer = strand.deadline
    is_nearest = outer is None or deadline < outer
    if is_nearest:
        strand.deadline = deadline
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        if not is_nearest and outer is not None and ports.clock.now() >= outer:
            raise  # an outer timeout struck during a wait
        raise error() from None
    finally:
        strand.deadline = outer


def timeout_fault(reference: str, seconds: float) -> Fault:
    """The fault of a task or workflow that took too long."""
    return fault("timeout", f"not done within {seconds:g} s", instance=reference or "/")


async def limited(
    activation: Activation, seconds: float, work: Callable[[], Awaitable[Any]], *, suffix: str = ""
) -> Any:
    """Await `work()` for at most `seconds` since it first started, in whichever run that was."""
    ports, strand = activation.run.session.ports, activation.strand
    reference = activation.reference
    begun, cut = activation.noted("begun", suffix=suffix), activation.noted("cut", suffix=suffix)
    remaining = seconds
    if begun is None:
        activation.note("begun", suffix=suffix)
    else:
        remaining = max(0.0, seconds - (ports.clock.now() - moment(begun.at)).total_seconds())
    if cut is not None:
        return await _cut_again(strand, timeout_fault(reference, seconds), work)
    struck = (
        nullcontext()
        if strand.doom
        else time_limit(strand, ports, remaining, lambda: timeout_fault(reference, seconds))
    )
    try:
        async with struck:
            return await work()
    except Fault as raised:
        if raised.error.type == TIMEOUT and raised.error.instance == reference:
            activation.note("cut", suffix=suffix)
            await activation.flush()
        raise


async def _cut_again(strand: Strand, error: Fault, work: Callable[[], Awaitable[Any]]) -> Any:
    """An earlier run timed out here: replay what it had done, start nothing new, and time out again."""
    outer = strand.doom
    strand.doom = Doomed()
    try:
        with contextlib.suppress(Doomed, Fault):
            await work()
    finally:
        strand.doom = outer
    raise error
