"""Connections that one purpose keeps open, used through the driver alone.

The one rule: a connection that fails is dropped and opened again the next time, never used again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

import sqlalchemy as sa

from caseway.platform.statements import Raw, raw

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


@dataclass(slots=True)
class Line:
    """A connection kept open, used through the driver alone; opened again when the server dropped it."""

    engine: sa.Engine
    taking_turns: Callable[[], AbstractContextManager[None]]
    on_boundary: Callable[[str], None]
    _connection: sa.Connection | None = None

    @contextmanager
    def writing(self) -> Iterator[Raw]:
        """As `Database.writing`."""
        with self.taking_turns():
            connection = self._opened()
            try:
                if connection.dialect == "sqlite":
                    connection.driver.execute("BEGIN IMMEDIATE")
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
            self._connection.close()
            self._connection = None

    def _opened(self) -> Raw:
        if self._connection is None:
            self._connection = self.engine.connect()
        return raw(self._connection)

    def _abandon(self) -> None:
        """Undo the transaction; a connection that fails at that is of no use any more."""
        if self._connection is None:
            return
        try:
            raw(self._connection).driver.rollback()
        except Exception:  # noqa: BLE001 - any error of any driver: the connection is dropped, the cause is on its way up
            self._connection.invalidate()
            self.close()
