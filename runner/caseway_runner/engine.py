"""Executes a Program: opens a session, runs the workflow, turns whatever happens into an Outcome."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from typing import Any

from caseway_runner.compile import compile_workflow
from caseway_runner.deadline import TIMEOUT
from caseway_runner.errors import REJECTED, Fault, LimitExceeded, limit_error
from caseway_runner.http_client import HttpClient
from caseway_runner.interpret import run_program
from caseway_runner.journal import Entry
from caseway_runner.lifecycle import Lifecycle
from caseway_runner.moments import stamp
from caseway_runner.outcome import Outcome, Status, TaskRecord, Waiting, WorkflowError
from caseway_runner.parking import Asleep
from caseway_runner.ports import Execution, Ports
from caseway_runner.program import Program
from caseway_runner.recorder import Recorder
from caseway_runner.rerun import KIND
from caseway_runner.sandbox import Bounds
from caseway_runner.session import Run, Session

_REASONS = {TIMEOUT: "timeout", REJECTED: "rejected"}


async def execute(program: Program, input: Any, execution: Execution, ports: Ports) -> Outcome:
    """Run `program` to its end, or on from where the journal of `execution` stops; with `can_sleep` perhaps
    only to where it has to wait.

    Never raises for what a workflow does: faults, limits and cancellation become the Outcome. Cancelling
    the asyncio task that runs this gives a `cancelled` Outcome; its journal still resumes."""
    if ports.lifecycle is None:
        return await _execute(program, input, execution, ports)
    lifecycle = Lifecycle(ports.lifecycle, program, execution)
    listener = ports.on_task

    def on_task(record: TaskRecord) -> None:
        lifecycle.task(record)
        if listener is not None:
            listener(record)

    is_resumed = bool(await ports.journal.recorded())
    lifecycle.begun(stamp(ports.clock.now()), is_resumed)
    outcome = await _execute(program, input, execution, replace(ports, on_task=on_task))
    await lifecycle.ended(outcome, stamp(ports.clock.now()))
    return outcome


async def _execute(program: Program, input: Any, execution: Execution, ports: Ports) -> Outcome:
    limits = ports.policy.limits
    recorder = Recorder(ports.journal, limits.journal_bytes)
    bounds = Bounds(limits.expression_seconds, limits.expression_bytes, limits.output_bytes)
    session = Session(execution, ports, recorder, HttpClient(ports), compile_workflow, bounds=bounds)
    output: Any = None
    error: WorkflowError | None = None
    waiting: Waiting | None = None
    status, reason = Status.COMPLETED, ""
    try:
        await session.recorder.load()
        async with asyncio.timeout(limits.wall_seconds) as wall:
            output = await _watched(_top(session, program, input, execution), session)
            await _await_background(session)
            await session.recorder.flush(is_last=True)
    except Fault as raised:
        status, error = Status.FAULTED, raised.placed("/").error
        reason = _REASONS.get(error.type, "")
    except LimitExceeded as raised:
        status, error, reason = Status.FAULTED, limit_error(str(raised)), "limit"
    except TimeoutError:
        assert wall.expired()
        message = f"ran longer than {limits.wall_seconds:g} s"
        status, error, reason = Status.FAULTED, limit_error(message), "limit"
    except Asleep as sleeping:
        status, waiting = Status.WAITING, sleeping.waiting
    except asyncio.CancelledError:
        current = asyncio.current_task()
        if current is not None:
            current.uncancel()
        status = Status.CANCELLED
    finally:
        await _stop_background(session)
        await session.parking.stop()
        await session.http.close()
    if status is Status.COMPLETED and session.is_partial:
        reason = "partial"
    if status is not Status.COMPLETED:
        await _flush_quietly(session)
    return Outcome(execution.id, status, output, error, reason, _in_order(session), waiting)


def _in_order(session: Session) -> tuple[TaskRecord, ...]:
    """The records by start; a task that never ended shows as it stands."""
    records = [item if isinstance(item, TaskRecord) else item.record() for item in session.records]
    return tuple(sorted(records, key=lambda record: record.started_at))


async def _watched(work: Any, session: Session) -> Any:
    """Await `work`; it is cancelled when the `cancel` port is set, or when the execution falls asleep."""
    ports, asleep = session.ports, session.parking.asleep
    ends = [event for event in (ports.cancel, asleep if ports.can_sleep else None) if event is not None]
    if not ends:
        return await work
    running = asyncio.ensure_future(work)
    stops = [asyncio.ensure_future(event.wait()) for event in ends]
    try:
        await asyncio.wait({running, *stops}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            return running.result()
        if asleep.is_set() and not (ports.cancel is not None and ports.cancel.is_set()):
            raise Asleep(session.parking.waiting())
        raise asyncio.CancelledError
    finally:
        for task in (running, *stops):
            task.cancel()
        await asyncio.gather(running, *stops, return_exceptions=True)


async def _top(session: Session, program: Program, input: Any, execution: Execution) -> Any:
    rerun = session.recorder.noted("", KIND)
    if rerun is not None:
        session.limit_to(rerun.data)
    noted = session.recorder.noted("", "started")
    started_at = noted.at if noted else session.now()
    if noted is None:
        session.recorder.note(Entry("", "started", started_at))
    return await run_program(Run(session, program, input, started_at, execution.depth))


async def _await_background(session: Session) -> None:
    while session.background:
        with session.parking.joining():
            await asyncio.gather(*session.background, return_exceptions=True)


async def _stop_background(session: Session) -> None:
    for task in session.background:
        task.cancel()
    await _await_background(session)


async def _flush_quietly(session: Session) -> None:
    """What is known at the end goes to the journal as well as it can; the outcome is decided already."""
    with contextlib.suppress(LimitExceeded):
        await session.recorder.flush(is_last=True)
