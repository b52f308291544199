"""Timeouts: cut work off, remember in the journal that it was, and cut it off again when replaying."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, NoReturn

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
    error = timeout_fault(reference, seconds)
    if activation.noted("ended", suffix=suffix) is not None:
        return await work()
    if activation.noted("cut", suffix=suffix) is not None:
        with contextlib.suppress(Doomed, Fault):
            await _replayed(strand, work)
        raise error
    begun = activation.noted("begun", suffix=suffix)
    started = moment(begun.at if begun is not None else activation.note("begun", suffix=suffix))
    remaining = seconds - (ports.clock.now() - started).total_seconds()
    try:
        if strand.doom is not None:
            return await work()
        if remaining <= 0:
            return await _replayed(strand, work)
        async with time_limit(strand, ports, remaining, lambda: error):
            result = await work()
    except Doomed:
        if strand.doom is not None:
            raise
        return await _cut(activation, error, suffix)
    except Fault as raised:
        if raised is error:
            return await _cut(activation, error, suffix)
        activation.note("ended", suffix=suffix)
        raise
    activation.note("ended", suffix=suffix)
    return result


async def _cut(activation: Activation, error: Fault, suffix: str) -> NoReturn:
    activation.note("cut", suffix=suffix)
    await activation.flush()
    raise error


async def _replayed(strand: Strand, work: Callable[[], Awaitable[Any]]) -> Any:
    """Replay what an earlier run had done before time was up; start nothing new. Raises Doomed or Fault when
    it does not reach the end."""
    outer = strand.doom
    strand.doom = Doomed()
    try:
        return await work()
    finally:
        strand.doom = outer
