"""One writer that makes what many executions want to store durable, with few commits.

The one rule: who waits hears only after the commit; what fails for one does not fail for the others.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from caseway.platform.database import Database
from caseway.platform.statements import Raw

SLOW_SECONDS = 0.005  # what an event loop may stand still for a commit, on average
PAUSE = 200  # groups that the thread commits before the loop tries again
GROUP = 256  # jobs in one commit: enough to share an fsync, few enough to answer soon

# Stores all of what is given, in one transaction of the writer's; for each an answer, an error to be raised.
Perform = Callable[[Raw, Sequence[Any]], Sequence[Any]]


@dataclass(slots=True)
class Job:
    """Something to be stored with others of its kind, and its answer once it is durable. Only a job that is
    not done within a turn of its `loop` needs a future to wait for."""

    perform: Perform
    what: Any
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[Any] | None = None
    is_settled: bool = False
    answer: Any = None

    def settle(self, answer: Any) -> None:
        """Tell the answer; within the loop."""
        self.is_settled, self.answer = True, answer
        if self.done is None or self.done.done():
            return  # nobody waits yet, or who waited was cancelled
        if isinstance(answer, Exception):
            self.done.set_exception(answer)
        else:
            self.done.set_result(answer)

    def waiting(self) -> asyncio.Future[Any]:
        """A future of the answer; within the loop, before it is settled."""
        if self.done is None:
            self.done = self.loop.create_future()
        return self.done


@dataclass(slots=True)
class Pace:
    """How long commits take of late, and so whether an event loop can wait for one."""

    seconds: float = 0.0
    _pause: int = 0

    def took(self, seconds: float) -> None:
        """Take one into account; when they are slow, the next ones are another's."""
        self.seconds += (seconds - self.seconds) / 8
        if self.seconds > SLOW_SECONDS:
            self._pause, self.seconds = PAUSE, 0.0

    def is_quick(self) -> bool:
        """Whether the next may be waited for."""
        if self._pause:
            self._pause -= 1
        return not self._pause


class Commits:
    """The writer; use as a context manager. Jobs of one turn of an event loop are committed together.

    On SQLite this is done at once, in the loop: handing over to a thread and back takes longer than a commit
    to a good disk. While the disk is slow or somebody else writes, and always on PostgreSQL, a thread does
    it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._line = database.line()
        self._own = database.line(is_patient=False)
        self._pace = Pace() if database.is_sqlite else None
        self._collected: deque[Job] = deque()
        self._jobs: queue.SimpleQueue[list[Job] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="commits", daemon=True)

    def __enter__(self) -> Commits:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._jobs.put(self._taken())  # the loops may be closed: nobody is told any more
        self._jobs.put(None)
        self._thread.join()
        self._own.close()

    def submit(self, perform: Perform, what: Any) -> asyncio.Future[Any]:
        """Have it stored; the future is done when it is durable."""
        job = Job(perform, what, asyncio.get_running_loop())
        self._collected.append(job)
        job.loop.call_soon(self._hand_over)
        return job.waiting()

    async def store(self, perform: Perform, what: Any) -> Any:
        """Have it stored, and return its answer when it is durable. Who waits may be cancelled; it is stored
        anyway. Whoever comes first after the turn commits for all: a call of the loop less for each."""
        job = Job(perform, what, asyncio.get_running_loop())
        self._collected.append(job)
        try:
            await asyncio.sleep(0)
        finally:
            if self._collected:
                self._hand_over()
        if not job.is_settled:
            return await job.waiting()
        if isinstance(job.answer, Exception):
            raise job.answer
        return job.answer

    def _hand_over(self) -> None:
        group = self._taken()
        if group and not self._is_done_here(group):
            self._jobs.put(group)

    def _taken(self) -> list[Job]:
        group = []
        with suppress(IndexError):
            while True:
                group.append(self._collected.popleft())
        return group

    def _is_done_here(self, group: list[Job]) -> bool:
        if self._pace is None or not self._pace.is_quick():
            return False
        loop = group[0].loop
        if len(group) > 1 and any(job.loop is not loop for job in group):
            return False
        began = time.perf_counter()
        try:
            with self._own.writing() as connection:
                answers = _performed(connection, group)
        except Exception:  # noqa: BLE001 - whatever it was: the thread tries again, and tells
            return False
        self._pace.took(time.perf_counter() - began)
        _settle(group, answers)
        return True

    def _run(self) -> None:
        is_ending = False
        while not is_ending:
            first = self._jobs.get()
            group: list[Job] = list(first or ())
            is_ending = first is None
            while not is_ending and len(group) < GROUP:
                try:
                    following = self._jobs.get_nowait()
                except queue.Empty:
                    break
                group += following or ()
                is_ending = following is None
            if group:
                self._commit(group)
        self._line.close()

    def _commit(self, group: list[Job]) -> None:
        """One transaction for all; when it fails, one for each, so that only who is at fault hears of it."""
        try:
            with self._line.writing() as connection:
                answers = _performed(connection, group)
        except Exception as error:  # noqa: BLE001 - the boundary of the thread: whoever waits must hear
            if len(group) > 1:
                for job in group:
                    self._commit([job])
                return
            answers = [error]
        _answer(group, answers)


def _performed(connection: Raw, group: Sequence[Job]) -> Sequence[Any]:
    """The answers, in the order of the jobs; jobs of one kind are performed together."""
    if len(group) == 1:
        return group[0].perform(connection, [group[0].what])
    kinds: dict[Perform, list[int]] = {}
    for at, job in enumerate(group):
        kinds.setdefault(job.perform, []).append(at)
    answers: list[Any] = [None] * len(group)
    for perform, places in kinds.items():
        found = perform(connection, [group[at].what for at in places])
        for at, answer in zip(places, found, strict=True):
            answers[at] = answer
    return answers


def _answer(group: Sequence[Job], answers: Sequence[Any]) -> None:
    """Wake up who waits, with one call into each event loop."""
    for loop in {id(job.loop): job.loop for job in group}.values():
        mine = [(job, answer) for job, answer in zip(group, answers, strict=True) if job.loop is loop]
        with suppress(RuntimeError):  # the loop has been closed: nobody waits any more
            loop.call_soon_threadsafe(_settle, [job for job, _ in mine], [answer for _, answer in mine])


def _settle(group: Sequence[Job], answers: Sequence[Any]) -> None:
    for job, answer in zip(group, answers, strict=True):
        job.settle(answer)
