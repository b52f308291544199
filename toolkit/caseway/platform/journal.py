"""The journal of executions, durable in the database: one writer thread groups the commits of all of them.

The one rule: `append` returns when its entries are committed under the claim's token, or not at all.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from types import TracebackType

import sqlalchemy as sa

from caseway.model.errors import CasewayError
from caseway.platform import trail
from caseway.platform.claims import Claim
from caseway.platform.database import Database
from caseway.platform.tables import executions, journal
from caseway_runner import Entry, TaskRecord

GROUP = 256  # batches in one commit: enough to share an fsync, few enough to answer soon


@dataclass(slots=True)
class _Batch:
    """Entries of one execution that must become durable together."""

    claim: Claim
    entries: Sequence[Entry]
    records: Sequence[TaskRecord]
    done: Future[None] = field(default_factory=Future)


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

    def submit(self, claim: Claim, entries: Sequence[Entry], records: Sequence[TaskRecord]) -> Future[None]:
        """A future that is done once everything given is committed; `claim-lost` when the claim is not
        the latest any more."""
        batch = _Batch(claim, entries, records)
        # Who waits may be cancelled (a fork whose other branch faulted); it is written anyway.
        batch.done.set_running_or_notify_cancel()
        self._batches.put(batch)
        return batch.done

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
        refused: dict[int, CasewayError] = {}
        try:
            with self.database.writing() as connection:
                for batch in group:
                    if _is_held(connection, batch.claim):
                        _write(connection, batch)
                    else:
                        refused[id(batch)] = _lost(batch.claim)
        except Exception as error:  # noqa: BLE001 - the boundary of the thread: whoever waits must hear
            for batch in group:
                batch.done.set_exception(error)
            return
        for batch in group:
            if id(batch) in refused:
                batch.done.set_exception(refused[id(batch)])
            else:
                batch.done.set_result(None)


class StoreJournal:
    """`caseway_runner.Journal` of one claimed execution. Task records travel with the next entries."""

    def __init__(self, writer: JournalWriter, claim: Claim) -> None:
        self._writer = writer
        self._claim = claim
        self._records: dict[str, TaskRecord] = {}

    async def append(self, entries: Sequence[Entry]) -> None:
        """Return when the entries are durable; raises `CasewayError` (`claim-lost`)."""
        records, self._records = tuple(self._records.values()), {}
        await asyncio.wrap_future(self._writer.submit(self._claim, tuple(entries), records))

    async def recorded(self) -> Sequence[Entry]:
        """All entries so far, in order."""
        return await asyncio.to_thread(read, self._writer.database, self._claim.execution_id)

    def record_task(self, claim: Claim, record: TaskRecord) -> None:
        """Keep the latest record of a task activation until the next append, or the end, stores it."""
        assert claim.execution_id == self._claim.execution_id
        self._records[record.position or record.reference] = record


def read(database: Database, execution_id: str) -> tuple[Entry, ...]:
    """The journal of an execution."""
    query = sa.select(journal).where(journal.c.execution_id == execution_id).order_by(journal.c.number)
    with database.reading() as connection:
        return tuple(Entry(row.position, row.kind, row.at, row.data) for row in connection.execute(query))


def _is_held(connection: sa.Connection, claim: Claim) -> bool:
    token = connection.scalar(
        sa.select(executions.c.claim_token)
        .where(executions.c.id == claim.execution_id)
        .with_for_update(read=True)
    )
    return bool(token == claim.token)


def _write(connection: sa.Connection, batch: _Batch) -> None:
    trail.record(connection, batch.claim.execution_id, batch.records)
    if not batch.entries:
        return
    highest = connection.scalar(
        sa.select(sa.func.max(journal.c.number)).where(journal.c.execution_id == batch.claim.execution_id)
    )
    first = 0 if highest is None else int(highest) + 1
    connection.execute(
        sa.insert(journal),
        [
            {
                "execution_id": batch.claim.execution_id,
                "number": first + offset,
                "position": entry.position,
                "kind": entry.kind,
                "at": entry.at,
                "data": entry.data,
            }
            for offset, entry in enumerate(batch.entries)
        ],
    )


def _lost(claim: Claim) -> CasewayError:
    return CasewayError(
        f"execution {claim.execution_id} is no longer {claim.worker}'s to write",
        code="claim-lost",
        place=claim.execution_id,
    )
