"""Waits for what another task of this loop puts into a queue."""

from __future__ import annotations

import asyncio
from typing import Any


async def some_of(came: asyncio.Queue[Any], most: int, seconds: float) -> list[Any]:
    """What has come, at most so many; [] when nothing comes within that time."""
    try:
        found = [await asyncio.wait_for(came.get(), seconds)]
    except TimeoutError:
        return []
    while len(found) < most and not came.empty():
        found.append(came.get_nowait())
    return found
