"""What a platform does by itself beside running executions: pull projects, end previews that are overdue."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import sqlalchemy as sa

from caseway.delivery.pull import EVERY, pull_due
from caseway.model.errors import CasewayError
from caseway.platform import previews
from caseway.platform.bundle import Platform
from caseway.platform.tables import previews as table

LOG = logging.getLogger("caseway.delivery")
ACTOR = "upkeep"


async def keep_up(platform: Platform, cache: Path, stop: asyncio.Event) -> None:
    """Do what is due, one thing after the other, until `stop`. What goes wrong is told and tried again."""
    while not stop.is_set():
        if not await asyncio.to_thread(_once, platform, cache):
            try:
                await asyncio.wait_for(stop.wait(), EVERY)
            except TimeoutError:
                continue


def _once(platform: Platform, cache: Path) -> bool:
    """Do one thing that is due; False when there was none."""
    try:
        return end_overdue(platform) > 0 or pull_due(platform, cache) is not None
    except CasewayError as error:
        LOG.warning("upkeep: %s", error.message)
    except sa.exc.DBAPIError as error:
        LOG.warning("upkeep: the database failed: %s", type(error).__name__)
    return False


def end_overdue(platform: Platform) -> int:
    """Destroy the previews whose time is over, whoever's they are; how many."""
    query = sa.select(table.c.organization).where(table.c.expires_at <= platform.clock()).distinct()
    with platform.database.reading() as connection:
        organizations = connection.scalars(query).all()
    return sum(len(previews.collect(platform, each, actor=ACTOR)) for each in organizations)
