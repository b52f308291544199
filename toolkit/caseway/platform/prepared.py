"""Statements compiled once for a database and executed with plain values.

One rule: only for what happens with every step of every execution, where SQLAlchemy's own work per statement
and row takes longer than the database's. Values come as the database keeps them: JSON is text already.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from caseway.platform.tables import executions, journal, tasks

_KEPT = frozenset({"execution_id", "position", "number"})  # what an update of a task leaves as it was

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Prepared:
    """The text of a statement and the order of its parameters, None when the driver takes them by name."""

    text: str
    order: tuple[str, ...] | None

    def run(self, connection: sa.Connection, rows: Sequence[Row]) -> Any:
        """Execute it once for each row of parameters."""
        if self.order is None:
            given: Any = [dict(row) for row in rows]
        else:
            given = [tuple([row[name] for name in self.order]) for row in rows]
        return connection.exec_driver_sql(self.text, given if len(given) > 1 else given[0])


def insert_entries(connection: sa.Connection, rows: Sequence[Row]) -> None:
    """Add journal entries."""
    if rows:
        _entries(connection.dialect.name).run(connection, rows)


def upsert_tasks(connection: sa.Connection, rows: Sequence[Row]) -> None:
    """Add task records, or replace those of the same position; these keep their number."""
    if rows:
        _tasks(connection.dialect.name).run(connection, rows)


def claims_of(connection: sa.Connection, ids: Sequence[str]) -> dict[str, tuple[int, str]]:
    """Claim token and status of some executions; nobody changes them until the transaction ends."""
    width = 1 << (len(ids) - 1).bit_length()  # few widths, so that few statements are compiled
    padded = [*ids, *[ids[-1]] * (width - len(ids))]
    statement = _claims(connection.dialect.name, width)
    found = statement.run(connection, [{f"id{at}": text for at, text in enumerate(padded)}])
    return {row[0]: (int(row[1]), str(row[2])) for row in found}


def last_numbers(connection: sa.Connection, execution_id: str) -> tuple[int, int]:
    """The highest numbers of an execution's journal entries and task records, -1 when it has none."""
    found = _numbers(connection.dialect.name).run(
        connection, [{"entries": execution_id, "tasks": execution_id}]
    )
    entry, task = found.one()
    return -1 if entry is None else int(entry), -1 if task is None else int(task)


@lru_cache
def _entries(dialect: str) -> Prepared:
    return _prepared(sa.insert(journal), dialect)


@lru_cache
def _tasks(dialect: str) -> Prepared:
    statement = sqlite.insert(tasks) if dialect == "sqlite" else postgresql.insert(tasks)
    changed = {column.name: statement.excluded[column.name] for column in tasks.c if column.name not in _KEPT}
    keys = [column.name for column in tasks.primary_key]
    return _prepared(statement.on_conflict_do_update(index_elements=keys, set_=changed), dialect)


@lru_cache
def _numbers(dialect: str) -> Prepared:
    highest = [
        sa.select(sa.func.max(table.c.number))
        .where(table.c.execution_id == sa.bindparam(name))
        .scalar_subquery()
        for table, name in ((journal, "entries"), (tasks, "tasks"))
    ]
    return _prepared(sa.select(*highest), dialect)


@lru_cache
def _claims(dialect: str, width: int) -> Prepared:
    wanted = executions.c.id.in_([sa.bindparam(f"id{at}") for at in range(width)])
    columns = (executions.c.id, executions.c.claim_token, executions.c.status)
    return _prepared(sa.select(*columns).where(wanted).with_for_update(read=True), dialect)


def _prepared(statement: sa.ClauseElement, dialect: str) -> Prepared:
    spoken = sqlite.dialect() if dialect == "sqlite" else postgresql.psycopg.dialect()  # type: ignore[no-untyped-call] # SQLAlchemy leaves them untyped
    compiled = statement.compile(dialect=spoken)
    assert isinstance(compiled, sa.sql.compiler.SQLCompiler)
    order = tuple(compiled.positiontup) if compiled.positiontup is not None else None
    return Prepared(str(compiled), order)
