"""Several schedulers, killed at any boundary and started again: each firing is made exactly once."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from caseway.platform.compose import Platform
from caseway.platform.tables import executions
from chaos.store_builders import StandingClock, a_repo, a_use_case, a_workflow, an_instance, deployed

BEGIN = datetime(2026, 3, 29, 0, 0, tzinfo=UTC)  # within it, Berlin's clocks go from 2:00 to 3:00
END = BEGIN + timedelta(hours=2)
TRIGGERS = {
    "beat": {"every": "1m"},
    "wall": {"cron": "*/5 * * * *", "timezone": "Europe/Berlin"},
    "fixed": {"cron": "30 2 * * *", "timezone": "Europe/Berlin"},
}
Run = Callable[[list[dict[str, Any]]], list[str]]


@pytest.fixture(scope="module")
def schedulers() -> Iterator[Run]:
    """Runs schedulers side by side, each in a process of its own; says how each ended."""
    server = subprocess.Popen(
        [sys.executable, "-m", "chaos.firing"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent.parent,
    )
    assert server.stdin is not None and server.stdout is not None
    asking, telling = server.stdin, server.stdout

    def run(wanted: list[dict[str, Any]]) -> list[str]:
        asking.write(json.dumps(wanted) + "\n")
        asking.flush()
        return list(json.loads(telling.readline()))

    yield run
    asking.close()
    server.wait(timeout=120)
    telling.close()


def expected() -> dict[str, set[str]]:
    """Which moments each schedule has, counted without the code under test."""
    minutes = [BEGIN + timedelta(minutes=number) for number in range(1, 121)]
    return {
        "beat": {f"{moment:%H:%M}" for moment in minutes},
        "wall": {f"{moment:%H:%M}" for moment in minutes if moment.minute % 5 == 0},
        "fixed": {"01:00"},  # 2:30 is skipped: at 3:00 there
    }


@pytest.mark.parametrize("seed", [1, 2])
def test_every_firing_is_made_once_whoever_dies(
    platform: Platform, clock: StandingClock, url: str, schedulers: Run, seed: int
) -> None:
    clock.now = BEGIN
    common = {"type": "schedule", "overlap": True, "misfire": "all"}
    listed = [{"id": name, **common, **trigger} for name, trigger in TRIGGERS.items()]
    deployed(platform, a_repo(a_use_case(workflows=[a_workflow(triggers=listed)]), an_instance()))
    chance = random.Random(seed)

    def some(number: int, *, deadly: bool) -> list[dict[str, Any]]:
        return [
            {
                "url": url,
                "begin": BEGIN.isoformat(),
                "end": END.isoformat(),
                "seed": chance.getrandbits(30),
                "die_at": chance.randint(1, 25) if deadly else 0,
            }
            for _ in range(number)
        ]

    ended = [answer for _ in range(4) for answer in schedulers(some(3, deadly=True))]
    ended += schedulers(some(3, deadly=False))
    assert set(ended) == {"killed", "finished"}, "\n".join(ended)

    query = sa.select(executions.c.trigger_id, executions.c.idempotency_key)
    with platform.database.reading() as connection:
        fired = Counter((row[0], row[1][-16:-11]) for row in connection.execute(query))
    assert [firing for firing, count in fired.items() if count > 1] == []
    found = {name: {when for trigger, when in fired if trigger == name} for name in TRIGGERS}
    assert found == expected()
