"""Log lines of tasks: added as they come, kept as long as the execution's telemetry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from caseway.platform.bundle import Platform
from caseway.platform.tables import log_lines
from caseway.platform.telemetry.keep import TELEMETRY


def append(platform: Platform, execution_id: str, lines: Sequence[Mapping[str, Any]]) -> None:
    """Add lines (`position`, `at`, `stream`, `text`). How long they are kept is settled when the execution
    has ended; until then it is the default."""
    until = platform.clock() + TELEMETRY
    rows = [{**line, "execution_id": execution_id, "expires_at": until} for line in lines]
    with platform.database.writing() as connection:
        connection.execute(sa.insert(log_lines), rows)
