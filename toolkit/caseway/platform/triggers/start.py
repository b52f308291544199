"""Starts what was admitted, straight in the store. A server may have a faster way that satisfies `Start`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

import sqlalchemy as sa

from caseway.platform.bundle import Platform
from caseway.platform.creation import NewExecution, insert


@dataclass(frozen=True, slots=True)
class Started:
    """The execution of a request; not a new one when its idempotency key came before."""

    id: str
    is_new: bool


Start: TypeAlias = Callable[[NewExecution], Awaitable[Started]]


def start_in(platform: Platform) -> Start:
    """A `Start` that writes each execution in a transaction of its own."""

    async def start(new: NewExecution) -> Started:
        return await asyncio.to_thread(start_now, platform, new)

    return start


def start_now(platform: Platform, new: NewExecution) -> Started:
    """Make the execution pending. Raises `CasewayError`: `not-deployed`, `not-active`, `workflow`."""
    execution_id = platform.ids()
    try:
        found = _insert(platform, new, execution_id)
    except sa.exc.IntegrityError:  # the same key came twice at once: now the other one is there to be found
        found = _insert(platform, new, execution_id)
    return Started(found, found == execution_id)


def _insert(platform: Platform, new: NewExecution, execution_id: str) -> str:
    with platform.database.writing() as connection:
        return insert(connection, platform, new, execution_id)
