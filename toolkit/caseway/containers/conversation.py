"""Talks with the runner in a container: gives it an execution and answers its questions through the ports.

Rule: nothing that comes out of a container is trusted; a message that is none ends the container."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any

import caseway_runner as runner
from caseway.containers.answers import Answers
from caseway.containers.attach import STDOUT
from caseway.containers.errors import ContainerFailed, lost
from caseway.containers.job import Job
from caseway.containers.pipes import Pipes
from caseway.containers.sandbox import Network
from caseway.model.canonical import digest
from caseway.model.errors import CasewayError
from caseway_runner import stdio_wire as wire

STOP_SECONDS = 5.0
_QUESTIONS = 1000  # at once; a runner asks a few


class Conversation:
    """With one runner, from its first word to its last. `patience` is how many seconds it may take to stop an
    execution."""

    def __init__(self, attached: Pipes, patience: float = STOP_SECONDS) -> None:
        self._attached = attached
        self._patience = patience
        self._messages = self._read()
        self._digests: set[str] = set()

    async def begin(self, seconds: float) -> None:
        """Return when the runner is ready. Raises `ContainerLost`, `ContainerFailed`."""
        try:
            async with asyncio.timeout(seconds):
                first = await self._next()
        except TimeoutError:
            raise lost(self._attached.container, f"it was not ready within {seconds:g} s") from None
        if first.get("say") != "ready" or first.get("protocol") != wire.PROTOCOL:
            raise ContainerFailed(
                "the runner in the image is of another version",
                code="runner-broken",
                place=self._attached.container,
                hint="build the runtime anew with 'caseway runtime rebuild'",
            )

    async def run(self, job: Job, ports: runner.Ports) -> runner.Outcome:
        """Run the job to its end, or to where it sleeps. Cancelled from outside it gives a `cancelled`
        outcome, as the engine itself does. Raises what ports raise, `ContainerLost`, `ContainerFailed`."""
        answers = Answers(job, ports)
        talk = asyncio.ensure_future(self._talk(job, ports, answers))
        try:
            with suppress(asyncio.CancelledError):
                await asyncio.shield(talk)
            if not talk.done():
                return await self._stopped(talk, job)
            return talk.result()
        finally:
            talk.cancel()
            await asyncio.gather(talk, return_exceptions=True)
            await answers.close()

    async def is_clean(self, seconds: float) -> bool:
        """Whether the runner has left nothing of the last execution, and may have another."""
        try:
            async with asyncio.timeout(seconds):
                return (await self._next()).get("say") == "clean"
        except (CasewayError, TimeoutError):
            return False

    async def _stopped(self, talk: asyncio.Future[runner.Outcome], job: Job) -> runner.Outcome:
        """The outcome of an execution that is to stop; without one from the runner, a bare one."""
        current = asyncio.current_task()
        if current is not None:
            current.uncancel()
        with suppress(CasewayError):
            await self._attached.send(wire.line_of({"do": "cancel"}))
            async with asyncio.timeout(self._patience):
                return await talk
        return runner.Outcome(job.execution.id, runner.Status.CANCELLED)

    async def _talk(self, job: Job, ports: runner.Ports, answers: Answers) -> runner.Outcome:
        await self._attached.send(wire.line_of(self._order(job, ports)))
        open_: dict[int, asyncio.Task[None]] = {}
        failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        try:
            while True:
                message = await self._next_unless(failed)
                match message.get("say"):
                    case "ask":
                        self._answer(message, answers, open_, failed)
                    case "drop":
                        self._drop(message, open_)
                    case "task" | "line":
                        self._tell(ports, message)
                    case "ended":
                        return self._outcome(job, message)
                    case "broken":
                        raise self._broken(message)
                    case _:
                        raise self._bad("a message that nobody expects")
        finally:
            for task in open_.values():
                task.cancel()
            await asyncio.gather(*open_.values(), return_exceptions=True)
            failed.cancel()

    def _tell(self, ports: runner.Ports, message: Mapping[str, Any]) -> None:
        if message["say"] == "task" and ports.on_task is not None:
            ports.on_task(self._checked(wire.record_in, message.get("record")))
        elif message["say"] == "line" and ports.on_line is not None:
            ports.on_line(self._checked(wire.line_in, message.get("line")))

    def _order(self, job: Job, ports: runner.Ports) -> dict[str, Any]:
        key = digest(job.document)
        is_known = key in self._digests
        self._digests.add(key)
        return {
            "do": "execute",
            "digest": key,
            "document": None if is_known else job.document,
            "input": job.input,
            "execution": wire.execution_json(job.execution),
            "policy": wire.policy_json(ports.policy),
            "environment": dict(ports.environment),
            "tellsTasks": ports.on_task is not None,
            "tellsLines": ports.on_line is not None,
            "canSleep": ports.can_sleep,
            "asksHttp": job.place is not None and job.place.sandbox.network is Network.HOSTS,
            "hasLifecycle": ports.lifecycle is not None,
            "hasContainers": ports.containers is not None,
            "hasApprovals": ports.approvals is not None,
            "pins": dict(ports.pins),
            "until": ports.until,
        }

    def _answer(
        self,
        message: Mapping[str, Any],
        answers: Answers,
        open_: dict[int, asyncio.Task[None]],
        failed: asyncio.Future[None],
    ) -> None:
        number = message.get("id")
        if not isinstance(number, int) or len(open_) >= _QUESTIONS:
            raise self._bad("a question without a number, or too many at once")

        async def reply() -> None:
            try:
                said = await answers.to(message)
            except wire.BadMessage as error:
                _fail(failed, self._bad(str(error)))
                return
            except Exception as error:  # noqa: BLE001 - the port's failure is the execution's: run() raises it
                _fail(failed, error)
                return
            with suppress(CasewayError):  # the reading side finds out that it is gone
                await self._attached.send(wire.line_of({"do": "answer", "id": number, **said}))

        task = asyncio.ensure_future(reply())
        open_[number] = task
        task.add_done_callback(lambda _: open_.pop(number, None))

    @staticmethod
    def _drop(message: Mapping[str, Any], open_: Mapping[int, asyncio.Task[None]]) -> None:
        number = message.get("id")
        task = open_.get(number) if isinstance(number, int) else None
        if task is not None:
            task.cancel()

    def _outcome(self, job: Job, message: Mapping[str, Any]) -> runner.Outcome:
        try:
            return wire.outcome_in(job.execution.id, message.get("outcome"))
        except wire.BadMessage as error:
            raise self._bad(str(error)) from error

    def _checked(self, read: Any, value: Any) -> Any:
        try:
            return read(value)
        except wire.BadMessage as error:
            raise self._bad(str(error)) from error

    def _broken(self, message: Mapping[str, Any]) -> CasewayError:
        return ContainerFailed(
            f"the runner failed: {str(message.get('detail'))[-2000:]}",
            code="runner-broken",
            place=self._attached.container,
            hint="a mistake in Caseway or in the runtime's image; please report it with the text above",
        )

    def _bad(self, what: str) -> CasewayError:
        return ContainerFailed(
            f"the container said something that is no message: {what}",
            code="bad-message",
            place=self._attached.container,
            hint="something in the container took over the runner's pipe; look at the workflow's scripts",
        )

    async def _next_unless(self, failed: asyncio.Future[None]) -> dict[str, Any]:
        """The next message; raises what an answer failed with."""
        following = asyncio.ensure_future(self._next())
        waited: set[asyncio.Future[Any]] = {following, failed}
        try:
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if failed.done():
                failed.result()
            return following.result()
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    async def _next(self) -> dict[str, Any]:
        try:
            return await anext(self._messages)
        except StopAsyncIteration:
            raise lost(self._attached.container, self._attached.complaints or "it ended") from None

    async def _read(self) -> AsyncIterator[dict[str, Any]]:
        buffer = LineBuffer()
        async for stream, data in self._attached.frames():
            if stream != STDOUT:
                continue
            for line in buffer.lines(data):
                try:
                    yield wire.message_in(line)
                except wire.BadMessage as error:
                    raise self._bad(str(error)) from error
            if buffer.size > wire.MAX_LINE:
                raise self._bad("a line longer than any message")


class LineBuffer:
    """Cuts what comes in pieces into lines; what has no end yet is kept."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self.size = 0

    def lines(self, data: bytes) -> list[bytes]:
        """The lines that `data` completes."""
        *whole, rest = data.split(b"\n")
        if whole:
            whole[0] = b"".join([*self._pieces, whole[0]])
            self._pieces, self.size = [], 0
        if rest:
            self._pieces.append(rest)
            self.size += len(rest)
        return whole


def _fail(failed: asyncio.Future[None], error: Exception) -> None:
    if not failed.done():
        failed.set_exception(error)
