"""The lease: one holder at a time, and no holder that changes anything after losing it."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from caseway.model.errors import CasewayError
from caseway.platform import lease
from caseway.platform.apply import apply
from chaos.store_builders import (
    Open,
    StandingClock,
    a_repo,
    a_use_case,
    an_instance,
    applied,
    deployed,
    planned,
)


def test_a_held_lease_is_refused_naming_the_holder_and_the_time(reopen: Open) -> None:
    lease.acquire(reopen(holder="ann@there:1"))

    with pytest.raises(CasewayError) as caught:
        lease.acquire(reopen(holder="bob@here:2"))
    assert caught.value.code == "lease-held"
    assert "ann@there:1" in caught.value.message and "12:00:00" in caught.value.message
    assert "12:01:00" in caught.value.hint


def test_an_expired_lease_is_taken_over_with_a_higher_token(reopen: Open, clock: StandingClock) -> None:
    first = lease.acquire(reopen(holder="ann@there:1"))
    clock.advance(seconds=61)

    second = lease.acquire(reopen(holder="bob@here:2"))
    assert second.token > first.token


def test_a_lease_of_a_dead_process_of_this_machine_is_taken_over_at_once(reopen: Open) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    lease.acquire(reopen(holder=f"ann@here:{child.pid}"))

    assert lease.acquire(reopen(holder="ann@here:1")).token == 2


def test_a_released_lease_is_free_and_its_token_never_goes_back(reopen: Open) -> None:
    platform = reopen()
    for token in (1, 2, 3):
        with lease.hold(platform) as held:
            assert held.token == token


def test_renewing_keeps_a_lease_beyond_its_time(reopen: Open, clock: StandingClock) -> None:
    platform = reopen(holder="ann@there:1")
    held = lease.acquire(platform)
    clock.advance(seconds=50)
    with platform.database.writing() as connection:
        lease.confirm(connection, held, clock())
    clock.advance(seconds=50)

    with pytest.raises(CasewayError, match="ann@there:1"):
        lease.acquire(reopen(holder="bob@here:2"))


def test_whoever_lost_the_lease_changes_nothing_more(reopen: Open, clock: StandingClock) -> None:
    slow, quick = reopen(holder="slow@there:1"), reopen(holder="quick@there:2")
    repo = a_repo(a_use_case(), an_instance())
    made = planned(slow, repo)

    def while_away(boundary: str) -> None:
        if boundary == f"action:{made.actions[2].id}":
            clock.advance(seconds=61)
            lease.acquire(quick)

    interrupted = reopen(holder="slow@there:1", on_boundary=while_away)
    with pytest.raises(CasewayError) as caught:
        apply(interrupted, made, actor="tests")
    assert caught.value.code == "lease-lost"
    assert [action.id for action in planned(quick, repo).actions] == [item.id for item in made.actions[2:]]


def test_the_winner_finishes_what_the_loser_left(reopen: Open, clock: StandingClock) -> None:
    repo = a_repo(a_use_case(), an_instance())
    lost = []

    def lose(boundary: str) -> None:
        if boundary == "deploy:published" and not lost:
            clock.advance(seconds=61)
            lost.append(lease.acquire(reopen(holder="quick@there:2")))

    with pytest.raises(CasewayError, match="quick@there:2"):
        applied(reopen(holder="slow@there:1", on_boundary=lose), repo)
    clock.advance(seconds=61)
    platform = reopen(holder="third@there:3")
    deployed(platform, repo)
    assert planned(platform, repo).is_empty


def test_of_two_applies_at_once_one_is_refused_or_both_agree(reopen: Open) -> None:
    repo = a_repo(a_use_case(), an_instance())
    platforms = [reopen(holder=f"{name}@there:1") for name in ("ann", "bob")]
    plans = [planned(platform, repo) for platform in platforms]
    start, outcomes = threading.Barrier(2), []

    def run(number: int) -> None:
        start.wait()
        try:
            outcomes.append(apply(platforms[number], plans[number], actor="tests").is_ok)
        except CasewayError as error:
            outcomes.append(error.code)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert True in outcomes
    assert set(outcomes) <= {True, "lease-held", "plan-stale"} and len(outcomes) == 2
    assert planned(platforms[0], repo).is_empty
