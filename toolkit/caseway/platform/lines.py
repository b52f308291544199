"""Connections that one purpose keeps open, used through the driver alone.

The one rule: a connection that fails is dropped and opened again the next time, never used again.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

import sqlalchemy as sa

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


Turns = Callable[[float], AbstractContextManager[None]]


@dataclass(slots=True)
class Line:
    """A connection that writes all the time, one transaction after the other. Without `is_patient` it raises
    `Busy` instead of waiting while somebody else writes."""

    engine: sa.Engine
    taking_turns: Turns
    on_boundary: Callable[[str], None]
    is_patient: bool = True
    _connection: sa.Connection | None = None

    @contextmanager
    def writing(self) -> Iterator[Raw]:
        """As `Database.writing`."""
        with self.taking_turns(BUSY_SECONDS if self.is_patient else 0.0):
            connection = self._opened()
            try:
                self._begin(connection)
                yield connection
                self.on_boundary("before-commit")
                connection.driver.commit()
            except BaseException:
                self._abandon()
                raise
        self.on_boundary("after-commit")

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            if not self.is_patient:
                self._connection.invalidate()  # nobody else shall get one that does not wait
            self._connection.close()
            self._connection = None

    def _opened(self) -> Raw:
        if self._connection is None:
            self._connection = self.engine.connect()
            if not self.is_patient:
                raw(self._connection).driver.execute("PRAGMA busy_timeout=0")
        return raw(self._connection)

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
