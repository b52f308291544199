"""Spans reach an OpenTelemetry receiver, each at least once and none too early."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from oteltap import OtelTapHttpProtobufReceiver, OtelTapHttpProtobufReceiverSettings

from caseway.platform import executions, lease
from caseway.platform.compose import Platform
from caseway.platform.executions import NewExecution
from caseway.platform.telemetry.fold import fold
from caseway.platform.telemetry.tree import span_id, trace_id
from caseway.worker.housekeeping import keep_house
from caseway.worker.otlp import export, sender
from caseway_runner import Outcome, Status, TaskRecord
from chaos.store_builders import ORGANIZATION, a_platform, a_repo, a_use_case, an_instance, deployed
from free_ports import free_port

TASK = TaskRecord(
    "/do/0/say", "say", "set", Status.COMPLETED, "2026-01-01T12:00:00Z", "2026-01-01T12:00:01.500Z", 1, "/a"
)


@pytest.fixture
def ready(tmp_path: Path) -> Any:
    with a_platform(f"sqlite:///{tmp_path / 'state.db'}") as platform:
        deployed(platform, a_repo(a_use_case(), an_instance()))
        yield platform


def ended(platform: Platform) -> str:
    execution_id = executions.create(platform, NewExecution(ORGANIZATION, "invoice-dev"))
    held = executions.claim(platform, execution_id, worker="w1")
    assert held is not None
    executions.finish(platform, held, Outcome(execution_id, Status.COMPLETED, {}, tasks=(TASK,)))
    return execution_id


def received(port: int, names: list[str], act: Callable[[], object]) -> list[Any]:
    """What a real receiver got under those names while `act` ran."""

    async def listen() -> list[Any]:
        async with OtelTapHttpProtobufReceiver(OtelTapHttpProtobufReceiverSettings(http_port=port)) as tap:
            awaited: list[Awaitable[Any]] = [
                tap.await_trace(lambda span, name=name: span.name == name, timeout=120) for name in names
            ]
            waiting = [asyncio.ensure_future(one) for one in awaited]
            await asyncio.sleep(0)
            await asyncio.to_thread(act)
            return await asyncio.gather(*waiting)

    return asyncio.run(listen())


def test_the_tree_arrives_with_its_ids(ready: Platform) -> None:
    execution_id = ended(ready)
    fold(ready)
    port = free_port()
    root, task = received(
        port,
        ["invoice/main", "say"],
        lambda: export(ready, sender(f"http://127.0.0.1:{port}")),
    )
    assert root.trace_id.hex() == task.trace_id.hex() == trace_id(execution_id)
    assert (root.span_id.hex(), task.parent_span_id.hex()) == (span_id(execution_id), span_id(execution_id))


def test_times_arrive_to_the_microsecond(ready: Platform) -> None:
    ended(ready)
    fold(ready)
    port = free_port()
    (task,) = received(port, ["say"], lambda: export(ready, sender(f"http://127.0.0.1:{port}")))
    assert task.end_time_unix_nano - task.start_time_unix_nano == 1_500_000_000


def test_what_was_taken_is_not_sent_again(ready: Platform) -> None:
    ended(ready)
    fold(ready)
    sent: list[str] = []
    assert export(ready, lambda spans: bool(sent.extend(span.name for span in spans)) or True) == 2
    assert export(ready, lambda spans: bool(sent.extend(span.name for span in spans)) or True) == 0


def test_what_was_not_taken_is_sent_later(ready: Platform) -> None:
    ended(ready)
    fold(ready)
    assert export(ready, lambda spans: False) == 0
    assert export(ready, lambda spans: True) == 2


def test_one_turn_of_the_house_folds_exports_and_prunes(ready: Platform) -> None:
    ended(ready)
    done = keep_house(ready, {"export": lambda platform: export(platform, lambda spans: True)})
    assert (done["fold"], done["export"]) == (1, 2)


def test_a_house_that_another_process_keeps_is_left_alone(ready: Platform) -> None:
    other = lease.acquire(ready, name="housekeeping")
    assert keep_house(ready) == {}
    lease.release(ready, other)
