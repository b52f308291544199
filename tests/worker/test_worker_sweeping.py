"""What is kept for a while only is forgotten by a turn of the house, and nothing that lasts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from caseway.platform.compose import Platform, open_platform
from caseway.platform.sweeping import SWEPT
from caseway.platform.tables import metadata
from caseway.platform.tables.types import Instant
from caseway.platform.telemetry.keep import EXPIRING
from caseway.targets.registry import TARGETS
from caseway.worker.housekeeping import keep_house

NOW = datetime(2026, 1, 1, tzinfo=UTC)
# Things that people look at after they have ended, or that whoever uses them next takes over.
LASTING = {"credentials", "api_keys", "leases", "previews"}
SELF_JUDGING = {"tokens", "artifacts", "spent"}


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    url = f"sqlite:///{tmp_path}/state.db"
    with open_platform(url, targets=TARGETS, clock=lambda: NOW) as opened:
        yield opened


def a_row(table: sa.Table, expires_at: datetime, number: int) -> dict[str, Any]:
    """A row of the table with something in every column that must not be empty."""
    row: dict[str, Any] = {"expires_at": expires_at}
    for column in table.columns:
        if column.name in row or (column.nullable and not column.primary_key):
            continue
        if isinstance(column.type, Instant):
            row[column.name] = expires_at
        elif isinstance(column.type, sa.LargeBinary):
            row[column.name] = b"x"
        elif isinstance(column.type, sa.Boolean):
            row[column.name] = False
        else:
            row[column.name] = number if isinstance(column.type, sa.Integer) else f"x{number}"
    return row


def left(platform: Platform, name: str) -> int:
    table = metadata.tables[name]
    with platform.database.reading() as connection:
        return len(connection.execute(sa.select(table.c.expires_at)).all())


@pytest.mark.parametrize("name", [*SWEPT, *sorted(SELF_JUDGING)])
def test_what_is_over_goes_and_what_is_not_stays(name: str, platform: Platform) -> None:
    table = metadata.tables[name]
    long_ago, later = NOW - timedelta(days=400), NOW + timedelta(days=1)
    with platform.database.writing() as connection:
        for number, moment in enumerate([long_ago, long_ago, later]):
            connection.execute(sa.insert(table).values(a_row(table, moment, number)))
    keep_house(platform)
    assert left(platform, name) == 1


def test_no_table_of_what_expires_is_forgotten_by_the_house() -> None:
    expiring = {table.name for table in metadata.sorted_tables if "expires_at" in table.columns}
    assert expiring == {*EXPIRING, *SWEPT, *SELF_JUDGING, *LASTING}
