"""Connections that one purpose keeps open, used through the driver alone.

The one rule: a connection that fails is dropped and opened again the next time, never used again.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType

import sqlalchemy as sa

from caseway.model.errors import CasewayError
from caseway.platform.statements import Raw, raw

BUSY_SECONDS = 30.0  # longer than any transaction of ours; a lock held longer is a fault worth an error
_REVISION = "SELECT revision FROM store"


@dataclass(slots=True)
class Glance:
    """A connection that is kept to read one number, for opening a transaction takes longer than to read."""

    _connection: sa.Connection | None = None
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def look(self, engine: sa.Engine) -> int:
        """The revision of the store, as last committed."""
        with self._turn:
            try:
                if self._connection is None:
                    self._connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
                found = raw(self._connection).driver.execute(_REVISION).fetchone()[0]
            except Exception:  # noqa: BLE001 - any error of any driver: the way around it says what is wrong
                self._drop()
                with engine.connect() as connection:
                    found = connection.execute(sa.text(_REVISION)).scalar_one()
        return int(found)

    def close(self) -> None:
        """Give the connection back."""
        with self._turn:
            self._drop()

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None


class Busy(Exception):
    """Somebody else writes now."""


@dataclass(slots=True)
class Turn:
    """A turn to write, to be taken with `with`: one writer of this process at a time, where there is a lock.

    Without `seconds` to wait raises `Busy`."""

    lock: threading.Lock | None
    seconds: float = BUSY_SECONDS

    def take(self) -> None:
        """Wait for it."""
        if self.lock is None or self.lock.acquire(timeout=self.seconds):
            return
        if not self.seconds:
            raise Busy
        raise CasewayError("the database is locked by a transaction of this process", code="database")

    def give(self) -> None:
        """Let the next one write."""
        if self.lock is not None:
            self.lock.release()

    def __enter__(self) -> None:
        self.take()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.give()


@dataclass(slots=True)
class Line:
    """A connection that writes all the time, one transaction after the other. Without `is_patient` it raises
    `Busy` instead of waiting while somebody else writes."""

    engine: sa.Engine
    turn: Turn
    on_boundary: Callable[[str], None]
    is_patient: bool = True
    _connection: sa.Connection | None = None
    _raw: Raw | None = None

    def writing(self) -> Line:
        """As `Database.writing`."""
        return self  # one thread, one transaction at a time: each step has one, and makes nothing for it

    def __enter__(self) -> Raw:
        self.turn.take()
        try:
            connection = self._opened()
            self._begin(connection)
        except BaseException:
            self._abandon()
            self.turn.give()
            raise
        return connection

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._commit()
            else:
                self._abandon()
        finally:
            self.turn.give()
        if kind is None:
            self.on_boundary("after-commit")

    def _commit(self) -> None:
        try:
            assert self._raw is not None
            self.on_boundary("before-commit")
            self._raw.driver.commit()
        except BaseException:
            self._abandon()
            raise

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            if not self.is_patient:
                self._connection.invalidate()  # nobody else shall get one that does not wait
            self._connection.close()
            self._connection = self._raw = None

    def _opened(self) -> Raw:
        if self._raw is None:
            self._connection = self.engine.connect()
            self._raw = raw(self._connection)
            if not self.is_patient:
                self._raw.driver.execute("PRAGMA busy_timeout=0")
        return self._raw

    def _begin(self, connection: Raw) -> None:
        if connection.dialect != "sqlite":
            return  # the driver begins by itself
        try:
            connection.driver.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if self.is_patient:
                raise
            raise Busy from error

    def _abandon(self) -> None:
        """Undo the transaction; a connection that fails at that is of no use any more."""
        if self._connection is None:
            return
        try:
            raw(self._connection).driver.rollback()
        except Exception:  # noqa: BLE001 - any error of any driver: it is dropped, the cause is on its way up
            self._connection.invalidate()
            self.close()
