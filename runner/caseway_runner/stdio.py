"""`caseway-runner serve-stdio`: runs execution after execution for whoever holds the other end of the pipe.

Rule: one execution at a time, and nothing of it is left when the next one starts; when the pipe ends, so does
this process, and all that it started."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import traceback
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from caseway_runner.compile import compile_workflow
from caseway_runner.engine import execute
from caseway_runner.errors import SPEC_ERRORS
from caseway_runner.outcome import Outcome, Status, WorkflowError
from caseway_runner.problem import InvalidWorkflow
from caseway_runner.program import Program
from caseway_runner.sandbox import Bounds, shared_sandbox
from caseway_runner.stdio_clean import is_cleaned, shield
from caseway_runner.stdio_link import Gone, Link, Refused
from caseway_runner.stdio_ports import piped_ports
from caseway_runner.stdio_wire import PROTOCOL, execution_in, outcome_json, policy_in

_KEPT = 16  # compiled workflows: a warm container runs those of one deployment


def serve_stdio(*, owns_container: bool) -> int:
    """Serve standard input and output until they end. With `owns_container` this process may kill every other
    one that it sees and empty the folders for temporary files, as it does between executions."""
    if owns_container:
        shield()
        _watch_without_threads()
    source, sink = _pipes()
    with suppress(Gone):
        asyncio.run(_Server(Link(source, sink), owns_container=owns_container).serve())
    if owns_container:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(-1, signal.SIGKILL)
    return 0


def _watch_without_threads() -> None:
    """Wait for processes without a thread for each: a task that starts as many as it may leaves none to us.
    From 3.12 on asyncio does so by itself."""
    if sys.version_info >= (3, 12):
        return
    with suppress(OSError):  # an engine may forbid it; then threads it is
        os.close(os.pidfd_open(os.getpid()))
        asyncio.set_child_watcher(asyncio.PidfdChildWatcher())


def _pipes() -> tuple[BinaryIO, BinaryIO]:
    """Standard input and output for us alone: what others print goes to standard error."""
    source = os.fdopen(os.dup(0), "rb")
    sink = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return source, sink


class _Server:
    """Takes orders one after the other."""

    def __init__(self, link: Link, *, owns_container: bool) -> None:
        self._link = link
        self._owns_container = owns_container
        self._orders: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self._current: asyncio.Task[Outcome] | None = None
        self._programs: dict[str, Program] = {}

    async def serve(self) -> None:
        """Until the other end closes the pipe. Raises `Gone` when it vanishes in between."""
        loop = asyncio.get_running_loop()
        self._link.start(
            lambda order: loop.call_soon_threadsafe(self._take, order),
            lambda: loop.call_soon_threadsafe(self._take, None),
        )
        self._link.say({"say": "ready", "protocol": PROTOCOL})
        while (order := await self._orders.get()) is not None:
            await self._run(order)

    def _take(self, order: dict[str, Any] | None) -> None:
        if order is not None and order.get("do") == "cancel":
            if self._current is not None:
                self._current.cancel()
            return
        if order is None and self._current is not None:
            self._current.cancel()
        if order is None or order.get("do") == "execute":
            self._orders.put_nowait(order)

    async def _run(self, order: Mapping[str, Any]) -> None:
        self._current = asyncio.ensure_future(self._execute(order))
        try:
            said = {"say": "ended", "outcome": outcome_json(await self._current)}
        except (Gone, Refused) as error:
            said = {"say": "broken", "detail": str(error)}
        except Exception:  # noqa: BLE001 - the boundary of the process: the other end must hear of it
            said = {"say": "broken", "detail": traceback.format_exc()[-4000:]}
        self._current = None
        self._link.say(said)
        if self._owns_container:
            self._link.say({"say": "clean" if is_cleaned(_scratch()) else "soiled"})
            _warm(order)

    async def _execute(self, order: Mapping[str, Any]) -> Outcome:
        execution = execution_in(order["execution"])
        try:
            program = self._program(order)
        except InvalidWorkflow as error:
            wrong = WorkflowError(
                SPEC_ERRORS + "configuration", 400, "The workflow does not compile", str(error)[:2000]
            )
            return Outcome(execution.id, Status.FAULTED, error=wrong)
        return await execute(program, order["input"], execution, piped_ports(self._link, order))

    def _program(self, order: Mapping[str, Any]) -> Program:
        """The compiled workflow: the other end sends the document once for each `digest`."""
        key = str(order["digest"])
        if key not in self._programs:
            if len(self._programs) >= _KEPT:
                self._programs.clear()
            document = order["document"] or self._link.ask_now("document")
            self._programs[key] = compile_workflow(document)
        return self._programs[key]


def _warm(order: Mapping[str, Any]) -> None:
    """Have a helper for expressions ready again, if the last execution needed one: cleaning ended it."""
    if shared_sandbox.cache_info().currsize:
        limits = policy_in(order["policy"]).limits
        bounds = Bounds(limits.expression_seconds, limits.expression_bytes, limits.output_bytes)
        shared_sandbox(bounds).run(".", "null")


def _scratch() -> list[Path]:
    return [Path("/tmp"), Path("/dev/shm")]  # noqa: S108 - the container's own; nobody else is in there
