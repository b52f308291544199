"""What a platform does by itself: overdue previews end, projects are pulled; neither waits for the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from caseway.delivery.preview import ChangeRequest, preview_request, preview_up
from caseway.delivery.pull_upkeep import end_overdue, keep_up
from caseway.model.access import local
from caseway.operations.local_client import LocalClient
from caseway.platform import lease, previews, pulling
from caseway.platform.compose import Platform
from caseway.platform.pulling import Remote, Secrets
from chaos.store_builders import StandingClock, a_platform
from delivery.git_world import a_bare, a_clone, commit, git
from delivery.watched import a_project, a_workflow

LOOKS = 6000  # after which something hangs


@pytest.fixture
def work(tmp_path: Path, platform: Platform) -> Path:
    """A pushed project that is pulled, and has a preview that is overdue."""
    bare = a_bare(tmp_path / "acme.git")
    folder = a_project(a_clone(tmp_path / "work", str(bare)), "hello")
    commit(folder)
    git(folder, "push", "-q", "origin", "main")
    pulling.register(platform, Remote("acme", "acme", f"file://{bare}"), Secrets(), actor="ann")
    return folder


def an_overdue_preview(platform: Platform, clock: StandingClock, work: Path) -> None:
    a_workflow(work, "hello", "changed")
    asked = preview_request(ChangeRequest(work, "pr-1", base="HEAD"))
    assert preview_up(LocalClient(platform, local("acme", "ci")), asked)["status"] == "ready"
    clock.advance(days=30)


def kept_up_until(platform: Platform, cache: Path, is_so: Callable[[], bool]) -> None:
    """Let it work until something is so."""

    async def run() -> None:
        stop = asyncio.Event()
        work = asyncio.create_task(keep_up(platform, cache, stop))
        for _ in range(LOOKS):
            if await asyncio.to_thread(is_so):
                break
            await asyncio.sleep(0.02)
        stop.set()
        await work

    asyncio.run(run())
    assert is_so()


def test_an_overdue_preview_goes_and_a_project_is_pulled_by_itself(
    platform: Platform, clock: StandingClock, work: Path, tmp_path: Path
) -> None:
    an_overdue_preview(platform, clock, work)

    def is_done() -> bool:
        applied = pulling.status(platform, "acme", "acme").applied
        return bool(applied) and previews.listed(platform, "acme") == []

    kept_up_until(platform, tmp_path / "cache", is_done)


def test_projects_are_pulled_while_somebody_is_long_at_a_preview(
    platform: Platform, clock: StandingClock, database_url: str, work: Path, tmp_path: Path
) -> None:
    an_overdue_preview(platform, clock, work)
    with a_platform(database_url, clock=clock, holder="builds@elsewhere:1") as other:
        held = lease.acquire(other, name=previews.LEASE)
        assert end_overdue(platform) == 0
        kept_up_until(
            platform, tmp_path / "cache", lambda: bool(pulling.status(platform, "acme", "acme").applied)
        )
        assert [each.id for each in previews.listed(platform, "acme")] == ["pr-1"]
        lease.release(other, held)
    assert end_overdue(platform) == 1
