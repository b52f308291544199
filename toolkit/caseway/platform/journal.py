"""The journal of executions, durable in the database: one writer thread groups the commits of all of them.

The one rule: `append` returns when its entries are committed under the claim's token, or not at all.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import sqlalchemy as sa

from caseway.model.errors import CasewayError
from caseway.model.states import ExecutionStatus
from caseway.platform import prepared, trail
from caseway.platform.database import Database
from caseway.platform.held import Claim
from caseway.platform.tables import journal
from caseway.platform.tables.types import to_text
from caseway_runner import Entry, TaskRecord

GROUP = 256  # batches in one commit: enough to share an fsync, few enough to answer soon
VIEW_SECONDS = 0.25  # how old what people see of a running task may get; not every step needs to write it

_Fence = tuple[str, int]


@dataclass(slots=True)
class _Batch:
    """Entries of one execution that must become durable together; `journal` is who waits for it."""

    journal: StoreJournal
    entries: Sequence[Entry]
    records: Sequence[TaskRecord]
    done: asyncio.Future[None]


class JournalWriter:
    """A thread that commits what many executions append; use as a context manager."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._batches: queue.SimpleQueue[_Batch | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)

    def __enter__(self) -> JournalWriter:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._batches.put(None)
        self._thread.join()

    def submit(self, batch: _Batch) -> None:
        """Have the batch written. Who waits for it may be cancelled; it is written anyway."""
        self._batches.put(batch)

    def _run(self) -> None:
        while True:
            first = self._batches.get()
            group = [] if first is None else self._gather(first)
            if group:
                self._commit(group)
            if first is None or self._is_ending:
                return

    _is_ending = False

    def _gather(self, first: _Batch) -> list[_Batch]:
        """What has come meanwhile, without waiting for more."""
        group = [first]
        while len(group) < GROUP:
            try:
                following = self._batches.get_nowait()
            except queue.Empty:
                break
            if following is None:
                self._is_ending = True
                break
            group.append(following)
        return group

    def _commit(self, group: list[_Batch]) -> None:
        """One transaction for all; a batch whose claim is lost is left out and told so."""
        try:
            with self.database.writing() as connection:
                refused = _write(connection, group)
        except Exception as error:  # noqa: BLE001 - the boundary of the thread: whoever waits must hear
            for batch in group:
                batch.journal.numbers = None  # how far the journal got is the database's to say
            _answer([(batch.done, error) for batch in group])
            return
        _answer([(batch.done, refused.get(_fence(batch.journal.claim))) for batch in group])


class StoreJournal:
    """`caseway_runner.Journal` of one claimed execution. Task records travel with the entries, but not more
    often than people can look; what is left at the end is `finish`'s, or `settle`'s when there is no end."""

    def __init__(self, writer: JournalWriter, claim: Claim) -> None:
        self.claim = claim
        self.numbers: tuple[int, int] | None = None  # the writer's: of the next entry and task, if known
        self._writer = writer
        self._records: dict[str, TaskRecord] = {}
        self._shown_at = 0.0
        self._timer: asyncio.TimerHandle | None = None

    async def append(self, entries: Sequence[Entry]) -> None:
        """Return when the entries are durable; raises `CasewayError` (`claim-lost`)."""
        is_due = bool(self._records) and self._shown_at + VIEW_SECONDS <= asyncio.get_running_loop().time()
        await self._submit(tuple(entries), self._taken() if is_due else ())

    async def recorded(self) -> Sequence[Entry]:
        """All entries so far, in order."""
        return await asyncio.to_thread(read, self._writer.database, self.claim.execution_id)

    def record_task(self, claim: Claim, record: TaskRecord) -> None:
        """Keep the latest record of a task activation; it is stored soon."""
        assert claim.execution_id == self.claim.execution_id
        self._records[record.position or record.reference] = record
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(VIEW_SECONDS, self._show)

    async def settle(self) -> None:
        """Store the task records kept so far: for an execution that stops without an end."""
        if self._records:
            await self._submit((), self._taken())

    def _show(self) -> None:
        self._timer = None
        if self._records:
            # Nobody waits: a claim that is lost is told to the next append.
            self._submit((), self._taken()).add_done_callback(_heard)

    def _taken(self) -> tuple[TaskRecord, ...]:
        records, self._records = tuple(self._records.values()), {}
        self._shown_at = asyncio.get_running_loop().time()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        return records

    def _submit(self, entries: Sequence[Entry], records: Sequence[TaskRecord]) -> asyncio.Future[None]:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._writer.submit(_Batch(self, entries, records, done))
        return done


def _heard(done: asyncio.Future[None]) -> None:
    if not done.cancelled():
        done.exception()


def read(database: Database, execution_id: str) -> tuple[Entry, ...]:
    """The journal of an execution."""
    query = sa.select(journal).where(journal.c.execution_id == execution_id).order_by(journal.c.number)
    with database.reading() as connection:
        return tuple(Entry(row.position, row.kind, row.at, row.data) for row in connection.execute(query))


def _answer(results: Sequence[tuple[asyncio.Future[None], Exception | None]]) -> None:
    """Wake up who waits, with one call into each event loop."""
    loops = {id(done.get_loop()): done.get_loop() for done, _ in results}
    for loop in loops.values():
        mine = [(done, error) for done, error in results if done.get_loop() is loop]
        with suppress(RuntimeError):  # the loop has been closed: nobody waits any more
            loop.call_soon_threadsafe(_settle, mine)


def _settle(results: Sequence[tuple[asyncio.Future[None], Exception | None]]) -> None:
    for done, error in results:
        if done.done():
            continue  # who waited was cancelled
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)


def _write(connection: sa.Connection, group: Sequence[_Batch]) -> dict[_Fence, CasewayError]:
    """Write the batches whose claims hold; the errors of the others, by claim."""
    claims = prepared.claims_of(connection, list({batch.journal.claim.execution_id for batch in group}))
    refused: dict[_Fence, CasewayError] = {}
    entries: list[dict[str, Any]] = []
    tasks: list[dict[str, Any]] = []
    for batch in group:
        claim = batch.journal.claim
        token, status = claims.get(claim.execution_id, (0, ""))
        if token != claim.token:
            refused[_fence(claim)] = _lost(claim)
            continue
        first_entry, first_task = batch.journal.numbers or _next_numbers(connection, claim)
        batch.journal.numbers = (first_entry + len(batch.entries), first_task + len(batch.records))
        entries += _rows(claim.execution_id, batch.entries, first_entry)
        if status == ExecutionStatus.RUNNING:  # else `finish` has stored later records
            tasks += trail.task_rows(claim.execution_id, batch.records, first_task)
    prepared.insert_entries(connection, entries)
    prepared.upsert_tasks(connection, tasks)
    return refused


def _fence(claim: Claim) -> _Fence:
    return claim.execution_id, claim.token


def _next_numbers(connection: sa.Connection, claim: Claim) -> tuple[int, int]:
    entry, task = prepared.last_numbers(connection, claim.execution_id)
    return entry + 1, task + 1


def _rows(execution_id: str, entries: Sequence[Entry], first: int) -> list[dict[str, Any]]:
    return [
        {
            "execution_id": execution_id,
            "number": first + offset,
            "position": entry.position,
            "kind": entry.kind,
            "at": entry.at,
            "data": None if entry.data is None else to_text(entry.data),
        }
        for offset, entry in enumerate(entries)
    ]


def _lost(claim: Claim) -> CasewayError:
    return CasewayError(
        f"execution {claim.execution_id} is no longer {claim.worker}'s to write",
        code="claim-lost",
        place=claim.execution_id,
    )
