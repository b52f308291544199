"""Statements compiled once for a database and executed on its driver with plain values.

One rule: only for what happens with every step of every execution, where SQLAlchemy's own work per statement
and row takes longer than the database's. Values come as the database keeps them: JSON and instants are text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

Row = Mapping[str, Any]
ARTIFACT_BYTES = 64 * 1024  # what a row may hold of one value; larger ones would be read with every look


@dataclass(frozen=True, slots=True)
class Compiled:
    """The text of a statement, the order of its parameters (None when the driver takes them by name), and
    those of them that are always the same."""

    text: str
    order: tuple[str, ...] | None
    fixed: Row

    def given(self, row: Row) -> Any:
        """A row of parameters as the driver takes it."""
        whole = {**self.fixed, **row} if self.fixed else row
        return whole if self.order is None else [whole[name] for name in self.order]

    def listed(self, names: Sequence[str], values: Sequence[Any]) -> Any:
        """Parameters that are a list, as the driver takes it."""
        if self.order == names and not self.fixed:
            return values
        return self.given(dict(zip(names, values, strict=True)))


@dataclass(frozen=True, slots=True)
class Statement:
    """What to compile, given the name of the database; each result is kept."""

    build: Callable[[str], sa.ClauseElement]
    _compiled: dict[str, Compiled] = field(default_factory=dict)

    def on(self, dialect: str) -> Compiled:
        """The statement as that database understands it."""
        found = self._compiled.get(dialect)
        if found is None:
            found = self._compiled[dialect] = _compiled(self.build(dialect), dialect)
        return found


@dataclass(frozen=True, slots=True)
class Raw:
    """A connection of the driver (`sqlite3` or `psycopg`) within a transaction that somebody else ends.
    Values longer than `artifact_bytes` are kept apart."""

    dialect: str
    driver: Any
    artifact_bytes: int = ARTIFACT_BYTES

    def run(self, statement: Statement, row: Row) -> Any:
        """Execute it; the driver's cursor."""
        compiled = statement.on(self.dialect)
        return self.driver.execute(compiled.text, compiled.given(row))

    def run_each(self, statement: Statement, rows: Sequence[Row]) -> None:
        """Execute it once for each row of parameters, together where the driver can."""
        if len(rows) == 1:
            self.run(statement, rows[0])
        elif rows:
            compiled = statement.on(self.dialect)
            self.driver.cursor().executemany(compiled.text, [compiled.given(row) for row in rows])


def raw(connection: sa.Connection) -> Raw:
    """The driver's connection beneath; the transaction stays SQLAlchemy's."""
    limit = connection.get_execution_options().get("artifact_bytes", ARTIFACT_BYTES)
    return Raw(connection.dialect.name, connection.connection.driver_connection, limit)


@dataclass(frozen=True, slots=True)
class Listed:
    """A statement on a list of values (`value IN (…)`), compiled for few lengths: powers of two."""

    build: Callable[[Sequence[sa.BindParameter[Any]]], sa.ClauseElement]
    _by_width: dict[int, tuple[Statement, tuple[str, ...]]] = field(default_factory=dict)

    def run(self, connection: Raw, values: Sequence[str]) -> Any:
        """Execute it for these values, at least one; the driver's cursor."""
        width = 1 << (len(values) - 1).bit_length()
        padded = values if width == len(values) else [*values, *[values[-1]] * (width - len(values))]
        if width not in self._by_width:
            self._by_width[width] = self._of(width)
        statement, names = self._by_width[width]
        compiled = statement.on(connection.dialect)
        return connection.driver.execute(compiled.text, compiled.listed(names, padded))

    def _of(self, width: int) -> tuple[Statement, tuple[str, ...]]:
        names = tuple([f"v{at}" for at in range(width)])
        bound: list[sa.BindParameter[Any]] = [sa.bindparam(name) for name in names]
        return Statement(lambda _dialect: self.build(bound)), names


def inserted(table: sa.Table, dialect: str) -> Any:
    """An INSERT that can say ON CONFLICT."""
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


def _compiled(statement: sa.ClauseElement, dialect: str) -> Compiled:
    spoken = sqlite.dialect() if dialect == "sqlite" else postgresql.psycopg.dialect()  # type: ignore[no-untyped-call] # SQLAlchemy leaves them untyped
    compiled = statement.compile(dialect=spoken)
    assert isinstance(compiled, sa.sql.compiler.SQLCompiler)
    order = tuple(compiled.positiontup) if compiled.positiontup is not None else None
    fixed = {name: value for name, value in compiled.params.items() if value is not None}
    return Compiled(str(compiled), order, fixed)
