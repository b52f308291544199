"""`call: sql`: statements of one transaction on PostgreSQL or MySQL, values bound and never pasted in.

At least once, as every effect: a statement that must not happen twice names the task's idempotency key."""

from __future__ import annotations

import base64
import datetime
import decimal
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

from caseway_runner.connections.connection import Connection
from caseway_runner.connections.function import Call, in_thread, needs
from caseway_runner.errors import LimitExceeded, fault

ROWS = 10_000
SECONDS = 30
_DRIVERS = {"postgres": "postgresql+psycopg", "mysql": "mysql+pymysql"}
_ROWS = ("all", "one", "none")


async def run(call: Call) -> Any:
    """The function's output."""
    statements = _statements(call.arguments)
    rows = call.arguments.get("rows", "all")
    if rows not in _ROWS:
        raise fault("configuration", f"`rows` is {rows!r}, not one of: {', '.join(_ROWS)}")
    return await in_thread(lambda: _execute(call, statements, rows))


def _statements(arguments: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """The statements with their values, in order."""
    given = arguments.get("statements")
    if given is None:
        given = [arguments]
    elif "query" in arguments:
        raise fault("configuration", "give `query` or `statements`, not both")
    if not isinstance(given, Sequence) or isinstance(given, str) or not given:
        raise fault("configuration", "`statements` is a list of {query, parameters}")
    found = []
    for item in given:
        query = item.get("query") if isinstance(item, Mapping) else None
        parameters = item.get("parameters", {}) if isinstance(item, Mapping) else {}
        if not isinstance(query, str) or not isinstance(parameters, Mapping):
            raise fault("configuration", "a statement is {query: text, parameters: object}")
        found.append((query, parameters))
    return found


def _execute(call: Call, statements: Sequence[tuple[str, Mapping[str, Any]]], rows: str) -> Any:
    try:
        import sqlalchemy as sa  # noqa: PLC0415 - an optional library, and a slow one
    except ImportError as error:
        raise needs("sqlalchemy", error) from error
    try:
        engine = sa.create_engine(
            call.to.with_account(_DRIVERS[call.to.type]),
            poolclass=sa.NullPool,
            connect_args=_connecting(call.to),
        )
    except ImportError as error:
        raise needs("psycopg or pymysql", error) from error
    values = {"idempotency_key": call.activation.key}
    answer: Any = None
    try:
        with engine.begin() as connection:
            for query, parameters in statements:
                text = sa.text(query)
                wanted = text._bindparams
                given = {**({k: v for k, v in values.items() if k in wanted}), **parameters}
                found = connection.execute(text, given, execution_options=_streaming(call.to, query))
                with closing(found):
                    answer = _shaped(found, rows, call.output_bytes)
    except sa.exc.OperationalError as error:
        raise fault("communication", f"connection {call.to.name}: {_message(error)}") from error
    except sa.exc.SQLAlchemyError as error:
        raise fault("runtime", f"connection {call.to.name}: {_message(error)}") from error
    finally:
        engine.dispose()
    return answer


def _streaming(connection: Connection, query: str) -> dict[str, Any]:
    """PostgreSQL gives a query's rows as they are read: one that gives too many fills no memory. MySQL, which
    would send the rest in any case, is told how many are wanted when it is connected to."""
    is_query = query.lstrip()[:6].lower() == "select"
    return {"stream_results": True} if is_query and connection.type == "postgres" else {}


def _connecting(connection: Connection) -> dict[str, Any]:
    """Bounds on time, and TLS as the connection's options ask for it."""
    seconds = int(connection.options.get("timeout", SECONDS))
    if connection.type == "postgres":
        ssl = {"sslmode": connection.options["sslmode"]} if "sslmode" in connection.options else {}
        return {"connect_timeout": seconds, "options": f"-c statement_timeout={seconds * 1000}", **ssl}
    ssl = {"ssl": {"check_hostname": True}} if connection.options.get("tls") else {}
    most = f"SET SESSION sql_select_limit = {ROWS + 1}"
    times = {"connect_timeout": seconds, "read_timeout": seconds, "write_timeout": seconds}
    return {**times, "init_command": most, **ssl}


def _shaped(result: Any, rows: str, output_bytes: int) -> Any:
    if not result.returns_rows:
        return {"rowCount": max(0, result.rowcount)}
    if rows == "none":
        return {"rowCount": max(0, result.rowcount)}
    if rows == "one":
        row = result.mappings().first()
        return None if row is None else _row(row)
    found: list[dict[str, Any]] = []
    size = 0
    for row in result.mappings():
        if len(found) >= ROWS:
            raise LimitExceeded(f"the query gives more than {ROWS} rows: narrow it, or page through it")
        found.append(_row(row))
        size += len(str(found[-1]))
        if size > output_bytes:
            raise LimitExceeded(f"the rows are larger than {output_bytes} bytes")
    return {"rows": found, "rowCount": len(found)}


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {str(name): _json(value) for name, value in row.items()}


def _json(value: Any) -> Any:
    """A column's value in JSON: exact decimals, times, ids and ranges as text, bytes in base64."""
    if isinstance(value, Mapping):
        return {str(key): _json(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set):
        return [_json(each) for each in value]
    return _scalar(value)


def _scalar(value: Any) -> Any:
    match value:
        case None | str() | int() | float():
            return value
        case decimal.Decimal():
            return int(value) if value == value.to_integral_value() and abs(value) < 2**53 else str(value)
        case datetime.date() | datetime.time():
            return value.isoformat()
        case bytes() | bytearray() | memoryview():
            return base64.b64encode(bytes(value)).decode("ascii")
        case _:
            return str(value)


def _message(error: Any) -> str:
    """The database's own words: neither the statement nor its values, which may be secret."""
    return str(getattr(error, "orig", None) or type(error).__name__).strip()[:1000]
