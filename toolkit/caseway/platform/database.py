"""One database, opened and migrated. The only module that knows which database it is.

`transaction` changes what a plan is made from and so bumps the store revision; `writing` is for what no plan
looks at: executions, journals, leases.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, make_url

from caseway.model.errors import CasewayError
from caseway.platform.lines import BUSY_SECONDS, Glance, Line, Turn
from caseway.platform.tables import store

HEAD = "0014"
MIGRATION_LOCK = 7_227_001  # any constant: PostgreSQL's advisory locks are numbers

_BUMP = sa.update(store).values(revision=store.c.revision + 1)

Boundary = Callable[[str], None]


def nothing(_boundary: str) -> None:
    """The boundary hook when nobody listens."""


@dataclass(frozen=True, slots=True)
class Database:
    """An engine and its three ways in. `on_boundary` hears of each commit, so that tests can die there."""

    engine: sa.Engine
    on_boundary: Boundary = nothing
    _turn: threading.Lock = field(default_factory=threading.Lock)
    _glance: Glance = field(default_factory=Glance)

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A transaction that sees one consistent state and changes nothing."""
        options: dict[str, Any] = {}
        if self.engine.dialect.name == "postgresql":
            options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        with self.engine.connect().execution_options(**options) as connection, connection.begin():
            yield connection

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """A change of state: serialized with every other one, and the store revision is one higher."""
        with self.writing() as connection:
            connection.execute(_BUMP)
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A change that no plan looks at: the revision stays."""
        options = {"caseway_write": True}
        with (
            self.engine.connect().execution_options(**options) as connection,
            self.taking_turns(),
            connection.begin(),
        ):
            yield connection
            self.on_boundary("before-commit")
        self.on_boundary("after-commit")

    def taking_turns(self, seconds: float = BUSY_SECONDS) -> Turn:
        """One writer of this process at a time, where the database allows only one: SQLite's own way to wait
        for the lock is to look again after up to 100 ms. Without time to wait raises `Busy`."""
        return Turn(self._turn if self.is_sqlite else None, seconds)

    def revision(self) -> int:
        """How often `transaction` has changed the state: a glance that costs next to nothing."""
        return self._glance.look(self.engine)

    def line(self, *, is_patient: bool = True) -> Line:
        """A connection for one thread that writes all the time; opened on its first transaction."""
        return Line(
            self.engine, self.taking_turns(BUSY_SECONDS if is_patient else 0.0), self.on_boundary, is_patient
        )

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file of this machine, with one writer at a time."""
        return self.engine.dialect.name == "sqlite"

    def close(self) -> None:
        """Give back every connection."""
        self._glance.close()
        self.engine.dispose()


def open_database(url: str, *, on_boundary: Boundary = nothing) -> Database:
    """The database at `url`, at the schema this version needs.

    SQLite is created and migrated on opening. Raises `CasewayError`: `schema-old` (PostgreSQL, to be migrated
    deliberately), `schema-new` (a later Caseway wrote it), `database` (it cannot be reached)."""
    engine = _engine(url)
    try:
        version = _version(engine)
        if version != HEAD:
            _bring_up(engine, version)
    except sa.exc.DBAPIError as error:
        engine.dispose()
        raise _unreachable(url, error) from error
    except CasewayError:
        engine.dispose()
        raise
    return Database(engine, on_boundary)


def migrate(url: str) -> tuple[str, str]:
    """Bring the schema at `url` up to date; the versions before ("" when there was none) and after."""
    engine = _engine(url)
    try:
        before = _version(engine)
        if before != HEAD:
            _upgrade(engine)
        return before, HEAD
    except sa.exc.DBAPIError as error:
        raise _unreachable(url, error) from error
    finally:
        engine.dispose()


def _bring_up(engine: sa.Engine, version: str) -> None:
    if engine.dialect.name == "sqlite":
        _upgrade(engine)
        return
    _refuse_newer(version)
    raise CasewayError(
        f"the database schema is {version or 'missing'}, this version of Caseway needs {HEAD}",
        code="schema-old",
        hint="run `caseway db migrate`",
    )


def _refuse_newer(version: str) -> None:
    if version and version > HEAD:
        raise CasewayError(
            f"the database schema is {version}, newer than this version of Caseway knows ({HEAD})",
            code="schema-new",
            hint="use the newer Caseway that wrote it",
        )


def _upgrade(engine: sa.Engine) -> None:
    """Run the migrations in one transaction that no other process shares."""
    from caseway.platform.migrations.upgrade import upgrade  # noqa: PLC0415 - Alembic costs start-up time

    with engine.connect().execution_options(caseway_write=True) as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATION_LOCK)))
        version = _version_in(connection)
        _refuse_newer(version)
        if version != HEAD:
            upgrade(connection)


def _version(engine: sa.Engine) -> str:
    with engine.connect() as connection:
        return _version_in(connection)


def _version_in(connection: sa.Connection) -> str:
    """The schema version, "" in an empty database; one cheap query when it is current."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return ""
    return str(connection.scalar(sa.text("SELECT version_num FROM alembic_version")) or "")


def _engine(url: str) -> sa.Engine:
    parsed = _parse(url)
    if parsed.get_backend_name() == "postgresql":
        return sa.create_engine(parsed.set(drivername="postgresql+psycopg"), pool_pre_ping=True)
    if parsed.get_backend_name() != "sqlite":
        raise CasewayError(
            f"{parsed.get_backend_name()} is not a database Caseway can use",
            code="database",
            hint="use sqlite:///path/to/state.db or postgresql://user@host/name",
        )
    _make_room(parsed)
    engine = sa.create_engine(parsed, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _parse(url: str) -> URL:
    try:
        return make_url(url)
    except (sa.exc.ArgumentError, ValueError) as error:
        raise CasewayError(
            "the database URL cannot be read", code="database", hint="e.g. sqlite:///.caseway/state.db"
        ) from error


def _make_room(url: URL) -> None:
    """The folder of a SQLite file. A `.caseway` folder keeps itself out of git."""
    if not url.database or url.database == ":memory:":
        return
    folder = Path(url.database).parent
    ignore = folder / ".gitignore"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if folder.name == ".caseway" and not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
    except OSError as error:
        raise CasewayError(
            f"the folder {folder} of the database cannot be made: {error.strerror}", code="database"
        ) from error


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = (
        None  # we say BEGIN ourselves: the driver's own habit breaks DDL transactions
    )
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: sa.Connection) -> None:
    """A writer takes the write lock first: upgrading a read lock later may fail at once with "locked"."""
    is_write = connection.get_execution_options().get("caseway_write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_write else "BEGIN")


def _unreachable(url: str, error: sa.exc.DBAPIError) -> CasewayError:
    shown = make_url(url).render_as_string(hide_password=True)
    return CasewayError(
        f"the database at {shown} cannot be used: {str(error.orig)[:300]}",
        code="database",
        hint="check CASEWAY_DATABASE_URL, and that the file or server is there and writable",
    )
