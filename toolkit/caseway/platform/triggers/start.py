"""Starts what was admitted, straight in the store. A server has a faster way: `Dispatcher.create`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from caseway.platform.bundle import Platform
from caseway.platform.creation import Made, NewExecution, insert

# The execution of a request, in the store for good; raises `CasewayError` as `creation.create` does.
Start: TypeAlias = Callable[[NewExecution], Awaitable[Made]]


def start_in(platform: Platform) -> Start:
    """A `Start` that writes each execution in a transaction of its own."""

    async def start(new: NewExecution) -> Made:
        return await asyncio.to_thread(_start, platform, new)

    return start


def _start(platform: Platform, new: NewExecution) -> Made:
    execution_id = platform.ids()
    with platform.database.writing() as connection:
        found = insert(connection, platform, new, execution_id)
    return Made(found, found == execution_id)
