"""Many executions in a row leave nothing: no container, no network, no volume, no file."""

from __future__ import annotations

import asyncio
import os
import tempfile

import pytest
from containers_world import a_document, a_job, a_place, left

import caseway_runner as runner
from caseway.containers.executor import ContainerExecutor
from caseway.containers.warmth import Mode, Warmth
from docker_daemon import own_networks, own_volumes

DOCUMENT = a_document({"one": {"set": {"twice": "${ .n * 2 }"}}})
# Two hundred cold ones take a minute or two; fewer while something else is looked for: CASEWAY_COLD=10.
COLD = int(os.environ.get("CASEWAY_COLD", "200"))


def litter(engine, temporary) -> list[object]:
    """What is there besides images: nothing."""
    files = sorted(str(path) for path in temporary.rglob("*"))
    return [left(engine), own_networks(engine), own_volumes(engine), files]


@pytest.mark.timeout(3000)
@pytest.mark.parametrize(("count", "warmth"), [(COLD, Warmth()), (200, Warmth(Mode.IDLE_SHUTDOWN))])
def test_many_executions_in_a_row_leave_nothing(engine, runtime_image, tmp_path, monkeypatch, count, warmth):
    monkeypatch.setattr(
        tempfile, "tempdir", str(tmp_path)
    )  # all that this process and its own make goes there
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert litter(engine, tmp_path) == [[], [], [], []]
    place = a_place(runtime_image, warmth=warmth)

    async def run() -> list[object]:
        found = []
        async with ContainerExecutor(engine) as executor:
            for number in range(count):
                job = a_job(DOCUMENT, place, {"n": number}, id=f"run-{number}")
                found.append((await executor.execute(job, runner.Ports())).output)
                await executor.settle()
        return found

    assert asyncio.run(run()) == [{"twice": number * 2} for number in range(count)]
    assert litter(engine, tmp_path) == [[], [], [], []]
