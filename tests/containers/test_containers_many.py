"""Many executions in a row leave nothing: no container, no network, no volume, no file."""

from __future__ import annotations

import asyncio
import tempfile

import pytest
from containers_world import a_document, a_job, a_place, left

import caseway_runner as runner
from caseway.containers.executor import ContainerExecutor
from caseway.containers.warmth import Mode, Warmth
from docker_daemon import own_networks, own_volumes

DOCUMENT = a_document({"one": {"set": {"twice": "${ .n * 2 }"}}})
COUNT = 200  # every third in a container of its own, the others in one that is kept warm


def litter(engine, temporary) -> list[object]:
    """What is there besides images: nothing."""
    files = sorted(str(path) for path in temporary.rglob("*"))
    return [left(engine), own_networks(engine), own_volumes(engine), files]


@pytest.mark.timeout(3000)
def test_two_hundred_executions_in_a_row_leave_nothing(engine, runtime_image, tmp_path, monkeypatch):
    # All that this process and its own make goes there.
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert litter(engine, tmp_path) == [[], [], [], []]
    cold = a_place(runtime_image, warmth=Warmth())
    warm = a_place(runtime_image, warmth=Warmth(Mode.IDLE_SHUTDOWN))

    async def run() -> list[object]:
        found = []
        async with ContainerExecutor(engine) as executor:
            for number in range(COUNT):
                place = warm if number % 3 else cold
                job = a_job(DOCUMENT, place, {"n": number}, id=f"run-{number}")
                found.append((await executor.execute(job, runner.Ports())).output)
                await executor.settle()
        return found

    assert asyncio.run(run()) == [{"twice": number * 2} for number in range(COUNT)]
    assert litter(engine, tmp_path) == [[], [], [], []]
