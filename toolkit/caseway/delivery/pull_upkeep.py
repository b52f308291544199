"""What a platform does by itself beside running executions: pull projects, end previews that are overdue."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa

from caseway.delivery.pull import EVERY, pull_due
from caseway.model.errors import CasewayError
from caseway.platform import previews
from caseway.platform.bundle import Platform
from caseway.platform.patience import BUSY
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
    """Do what is due of each kind; False when there was nothing. What stops one kind lets the other go on."""
    ended = _told(lambda: end_overdue(platform) > 0)
    return _told(lambda: pull_due(platform, cache) is not None) or ended


def _told(act: Callable[[], bool]) -> bool:
    try:
        return act()
    except CasewayError as error:
        LOG.warning("upkeep: %s", error.message)
    except sa.exc.DBAPIError as error:
        LOG.warning("upkeep: the database failed: %s", type(error).__name__)
    return False


def end_overdue(platform: Platform) -> int:
    """Destroy the previews whose time is over, whoever's they are; how many. While somebody else changes
    previews it is left for the next time."""
    query = sa.select(table.c.organization).where(table.c.expires_at <= platform.clock()).distinct()
    with platform.database.reading() as connection:
        organizations = connection.scalars(query).all()
    ended = 0
    for each in organizations:
        try:
            ended += len(previews.collect(platform, each, actor=ACTOR, pause=_later))
        except CasewayError as error:
            if error.code not in BUSY:
                raise
    return ended


def _later(_seconds: float) -> None:
    """In place of waiting: whoever is at work may be so for long, and projects are to be pulled."""
    raise CasewayError("somebody else is at work", code="lease-held")
