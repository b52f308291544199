"""Records of applies: how long they are kept."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from caseway.platform import applies
from caseway.platform.compose import Platform
from caseway.platform.sweeping import sweep
from caseway.platform.tables import apply_events
from chaos.store_builders import ORGANIZATION, StandingClock


def an_apply(platform: Platform, name: str, *, project: str = "shop", is_ended: bool = True) -> None:
    applies.create(platform, ORGANIZATION, name, ("plan", project), actor="ann")
    applies.claim(platform, ORGANIZATION, name)
    applies.tell(platform, ORGANIZATION, name, [{"said": name}])
    if is_ended:
        applies.finish(platform, ORGANIZATION, name, report={"ok": True})


def kept(platform: Platform) -> list[str]:
    return [record.id for record in applies.listed(platform, ORGANIZATION)]


def test_an_apply_is_forgotten_with_its_events_90_days_after_it_ended(
    platform: Platform, clock: StandingClock
) -> None:
    an_apply(platform, "old")
    clock.advance(minutes=1)
    an_apply(platform, "new")
    clock.advance(seconds=applies.KEPT.total_seconds() - 61)
    assert sweep(platform)["applies"] == 0
    clock.advance(seconds=1)
    assert sweep(platform)["applies"] == 1
    assert kept(platform) == ["new"]
    with platform.database.reading() as connection:
        assert list(connection.scalars(sa.select(apply_events.c.apply_id))) == ["new"]


def test_the_last_of_each_project_and_what_is_under_way_stay(
    platform: Platform, clock: StandingClock
) -> None:
    an_apply(platform, "shop-1")
    an_apply(platform, "bank-1", project="bank")
    clock.advance(minutes=1)
    an_apply(platform, "shop-2")
    clock.advance(minutes=1)
    an_apply(platform, "shop-3", is_ended=False)
    clock.advance(seconds=2 * applies.KEPT / timedelta(seconds=1))
    assert sweep(platform)["applies"] == 1
    assert sorted(kept(platform)) == ["bank-1", "shop-2", "shop-3"]


def test_many_are_forgotten_in_batches(platform: Platform, clock: StandingClock, monkeypatch) -> None:
    monkeypatch.setattr(applies, "BATCH", 2)
    for number in range(6):
        an_apply(platform, f"a{number}")
    clock.advance(seconds=applies.KEPT.total_seconds())
    assert sweep(platform)["applies"] == 5
    assert kept(platform) == ["a5"]
