"""The journal of executions, durable in the database: the writer thread groups the commits of all of them.

The one rule: `append` returns when its entries are committed under the claim's token, or not at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from caseway.model.errors import CasewayError
from caseway.model.states import ExecutionStatus
from caseway.platform import artifacts, prepared, trail
from caseway.platform.claims import lost
from caseway.platform.commits import Commits
from caseway.platform.database import Database
from caseway.platform.held import Claim, Progress
from caseway.platform.statements import Raw
from caseway.platform.tables import journal
from caseway_runner import Entry, TaskRecord

VIEW_SECONDS = 0.25  # how old what people see of a running task may get; not every step needs to write it

JournalWriter = Commits


@dataclass(slots=True)
class _Batch:
    """Entries of one execution that must become durable together."""

    claim: Claim
    progress: Progress
    entries: Sequence[Entry]
    records: Sequence[TaskRecord]


class StoreJournal:
    """`caseway_runner.Journal` of one claimed execution. Task records travel with the entries, but not more
    often than people can look; what is left at the end is `finish`'s, or `settle`'s when there is no end."""

    def __init__(self, writer: Commits, claim: Claim) -> None:
        self.claim = claim
        self.progress = Progress((0, 0) if claim.is_new else None)
        self._writer = writer
        self._records: dict[str, TaskRecord] = {}
        self._shown_at = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def append(self, entries: Sequence[Entry]) -> Coroutine[Any, Any, None]:
        """Return when the entries are durable; raises `CasewayError` (`claim-lost`)."""
        is_due = bool(self._records) and self._shown_at + VIEW_SECONDS <= asyncio.get_running_loop().time()
        return self._store(entries, self._taken() if is_due else ())

    async def recorded(self) -> Sequence[Entry]:
        """All entries so far, in order."""
        if self.claim.is_new:
            return ()
        return await asyncio.to_thread(read, self._writer.database, self.claim.execution_id)

    def record_task(self, claim: Claim, record: TaskRecord) -> None:
        """Keep the latest record of a task activation; it is stored soon."""
        assert claim.execution_id == self.claim.execution_id
        self._records[record.position or record.reference] = record
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(VIEW_SECONDS, self._show)

    async def end(self, entries: Sequence[Entry]) -> None:
        """Keep the last entries: `progress` has them, to be stored with the outcome."""
        self.progress.last = (*self.progress.last, *entries)

    async def settle(self) -> None:
        """Store what is kept so far: for an execution that stops without an end."""
        last, self.progress.last = self.progress.last, ()
        if last or self._records:
            await self._store(last, self._taken())

    def close(self) -> Progress:
        """How far it got. Nothing more is told of its tasks: the outcome has all their records."""
        self._taken()
        return self.progress

    def _show(self) -> None:
        self._timer = None
        if self._records:
            # Nobody waits: a claim that is lost is told to the next append.
            self._writer.submit(_write, self._batch((), self._taken())).add_done_callback(_heard)

    def _taken(self) -> tuple[TaskRecord, ...]:
        records, self._records = tuple(self._records.values()), {}
        self._shown_at = asyncio.get_running_loop().time()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        return records

    def _store(self, entries: Sequence[Entry], records: Sequence[TaskRecord]) -> Coroutine[Any, Any, None]:
        return self._writer.store(_write, self._batch(entries, records))

    def _batch(self, entries: Sequence[Entry], records: Sequence[TaskRecord]) -> _Batch:
        return _Batch(self.claim, self.progress, entries, records)


def _heard(done: asyncio.Future[None]) -> None:
    if not done.cancelled():
        done.exception()


def read(database: Database, execution_id: str) -> tuple[Entry, ...]:
    """The journal of an execution."""
    query = sa.select(journal).where(journal.c.execution_id == execution_id).order_by(journal.c.number)
    with database.reading() as connection:
        return artifacts.put_back(connection, execution_id, connection.execute(query).all())


def _write(connection: Raw, batches: Sequence[_Batch]) -> list[CasewayError | None]:
    """Write the batches whose claims hold; for each its error, if any."""
    claims = prepared.claims_of(connection, sorted({batch.claim.execution_id for batch in batches}))
    answers: list[CasewayError | None] = []
    entries: list[dict[str, Any]] = []
    tasks: list[dict[str, Any]] = []
    for batch in batches:
        claim = batch.claim
        token, status = claims.get(claim.execution_id, (0, ""))
        answers.append(None if token == claim.token else lost(claim))
        if token != claim.token:
            continue
        first_entry, first_task = batch.progress.numbers or trail.next_numbers(connection, claim.execution_id)
        # Should the commit fail, a gap remains: the order is what counts.
        batch.progress.numbers = (first_entry + len(batch.entries), first_task + len(batch.records))
        entries += trail.entry_rows(claim.execution_id, batch.entries, first_entry)
        if status == ExecutionStatus.RUNNING:  # else `finish` has stored later records
            tasks += trail.task_rows(claim.execution_id, batch.records, first_task)
    artifacts.store(connection, entries, tasks)
    return answers
