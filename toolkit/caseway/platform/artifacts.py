"""Large values of executions, kept once by their content and referred to from journal and tasks.

Rule: what is set aside is put back when the journal is read, so that no workflow can tell the difference."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from caseway.model.canonical import JsonObject
from caseway.model.errors import CasewayError
from caseway.platform import prepared, trail
from caseway.platform.aside import INPUT, OUTPUT, REFERENCE, RESULT, value_in
from caseway.platform.bundle import Platform
from caseway.platform.references import masked
from caseway.platform.statements import Raw, Statement, inserted
from caseway.platform.tables import artifact_uses, artifacts, instant, journal, moment, to_text
from caseway_runner import Entry

KEPT = timedelta(days=14)  # after its last use was stored; it stays longer while an execution uses it
RESULT_MEMBER = "output"  # where a result is used
_ALL = ""  # the member that stands for all of an entry's data; others are names as JSON
_SHOWN = (("output", OUTPUT), ("input", INPUT))  # what a task shows

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ArtifactView:
    """A value that was set aside: `uses` are the positions of the tasks it belongs to."""

    digest: str
    size: int
    created_at: str
    expires_at: str
    uses: tuple[str, ...]

    def as_json(self) -> JsonObject:
        """The view as a JSON object."""
        return asdict(self)


def store(connection: Raw, entries: Sequence[Row], tasks: Sequence[Row]) -> None:
    """Add journal entries and task records (rows of their tables), large values set aside."""
    limit = connection.artifact_bytes
    found = [
        *[use for row in entries if len(row["data"] or "") > limit for use in _of_entry(row, limit)],
        *[
            _set_aside(
                {**row, "at": row["ended_at"] or row["started_at"]}, row, name, (number, row["position"])
            )
            for row in tasks
            for name, number in _SHOWN
            if len(row[name] or "") > limit
        ],
    ]
    _keep(connection, found)
    prepared.insert_entries(connection, entries)
    prepared.upsert_tasks(connection, tasks)


def shorten(connection: Raw, endings: Sequence[Row]) -> None:
    """Set large results aside, of rows that are about to end executions."""
    limit = connection.artifact_bytes
    _keep(
        connection,
        [
            _set_aside(
                {"execution_id": row["ended"], "at": row["ended_at"]}, row, "result", (RESULT, RESULT_MEMBER)
            )
            for row in endings
            if len(row["result"] or "") > limit
        ],
    )


def _keep(connection: Raw, found: Sequence[tuple[Row, Row]]) -> None:
    if found:
        connection.run_each(_KEEP, [kept for kept, _ in found])
        connection.run_each(_USE, [use for _, use in found])


def _of_entry(row: Row, limit: int) -> Iterator[tuple[Row, Row]]:
    """Each large member of the entry's data, else all of it; the row keeps what is left."""
    data = json.loads(row["data"])
    texts = {name: to_text(value) for name, value in data.items()} if isinstance(data, dict) else {}
    large = [name for name, text in texts.items() if len(text) > limit]
    for name in large:
        yield _pair(row, row["number"], to_text(name), texts[name])
    if not large:
        yield _pair(row, row["number"], _ALL, row["data"])
    row["data"] = to_text({**data, **dict.fromkeys(large)}) if large else None


def _set_aside(whose: Row, row: Row, name: str, place: tuple[int, str]) -> tuple[Row, Row]:
    """The artifact's row and that of its use; the row's value becomes a reference."""
    kept, use = _pair(whose, *place, row[name])
    row[name] = to_text({REFERENCE: kept["digest"], "bytes": kept["size"]})
    return kept, use


def _pair(row: Row, number: int, member: str, text: str) -> tuple[Row, Row]:
    """The artifact's row, and that of its use."""
    content = text.encode("ascii")
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    kept = {
        "digest": digest,
        "size": len(content),
        "content": zlib.compress(content, 1),
        "place": "",
        "created_at": row["at"],
        "expires_at": instant(moment(row["at"]) + KEPT),
    }
    use = {"execution_id": row["execution_id"], "number": number, "member": member, "digest": digest}
    return kept, use


def put_back(connection: sa.Connection, execution_id: str, rows: Iterable[Any]) -> tuple[Entry, ...]:
    """The journal entries of these rows, with the values that were set aside."""
    query = (
        sa.select(artifact_uses.c.number, artifact_uses.c.member, artifacts.c.content, artifacts.c.place)
        .join(artifacts, artifacts.c.digest == artifact_uses.c.digest)
        .where(artifact_uses.c.execution_id == execution_id, artifact_uses.c.number >= 0)
    )
    aside: dict[int, dict[str, Any]] = {}
    for number, member, content, place in connection.execute(query):
        aside.setdefault(number, {})[member] = value_in(connection, content, place)
    entries = []
    for row in rows:
        values = aside.get(row.number, {})
        data = values.pop(_ALL, row.data)
        if values:
            data = {**data, **{json.loads(member): value for member, value in values.items()}}
        entries.append(Entry(row.position, row.kind, row.at, data))
    return tuple(entries)


def list_artifacts(platform: Platform, execution_id: str, *, organization: str = "") -> list[ArtifactView]:
    """The artifacts of an execution, the largest first. Raises `CasewayError` (`not-found`)."""
    trail.get_execution(platform, execution_id, organization=organization)
    query = (
        sa.select(artifacts.c.digest, artifacts.c.size, artifacts.c.created_at, artifacts.c.expires_at)
        .add_columns(artifact_uses.c.number, artifact_uses.c.member)
        .join(artifact_uses, artifact_uses.c.digest == artifacts.c.digest)
        .where(artifact_uses.c.execution_id == execution_id)
    )
    found: dict[str, ArtifactView] = {}
    uses: dict[str, set[str]] = {}
    with platform.database.reading() as connection:
        places = _places(connection, execution_id)
        for digest, size, created_at, expires_at, number, member in connection.execute(query):
            uses.setdefault(digest, set()).add(member if number < 0 else places.get(number, ""))
            found[digest] = ArtifactView(digest, size, instant(created_at), instant(expires_at), ())
    views = [
        ArtifactView(one.digest, one.size, one.created_at, one.expires_at, tuple(sorted(uses[one.digest])))
        for one in found.values()
    ]
    return sorted(views, key=lambda view: (-view.size, view.digest))


def _places(connection: sa.Connection, execution_id: str) -> dict[int, str]:
    query = sa.select(journal.c.number, journal.c.position).where(journal.c.execution_id == execution_id)
    return {row.number: row.position for row in connection.execute(query)}


def artifact_of(platform: Platform, execution_id: str, digest: str, *, organization: str = "") -> Any:
    """The value of an artifact that an execution uses, secrets masked; `CasewayError` (`not-found`)."""
    trail.get_execution(platform, execution_id, organization=organization)
    query = (
        sa.select(artifacts.c.content, artifacts.c.place)
        .join(artifact_uses, artifact_uses.c.digest == artifacts.c.digest)
        .where(artifact_uses.c.execution_id == execution_id, artifacts.c.digest == digest)
        .limit(1)
    )
    with platform.database.reading() as connection:
        row = connection.execute(query).first()
        value = None if row is None else value_in(connection, row.content, row.place)
    if row is None:
        raise CasewayError(
            f"execution {execution_id} has no artifact {digest!r}",
            code="not-found",
            place=execution_id,
            hint="see `caseway executions artifacts`",
        )
    return masked(value)


def collect(platform: Platform, *, limit: int = 500) -> int:
    """Delete artifacts that have expired and that no execution uses, at most `limit` of them; how many."""
    is_over = artifacts.c.expires_at <= platform.clock()
    is_unused = ~sa.exists().where(artifact_uses.c.digest == artifacts.c.digest)
    some = sa.select(artifacts.c.digest).where(is_over, is_unused).limit(limit)
    with platform.database.writing() as connection:
        digests = connection.scalars(some).all()
        if not digests:
            return 0
        gone = sa.delete(artifacts).where(artifacts.c.digest.in_(digests), is_over, is_unused)
        return int(connection.execute(gone).rowcount)


def _keeping(dialect: str) -> sa.ClauseElement:
    statement = inserted(artifacts, dialect)
    update: sa.ClauseElement = statement.on_conflict_do_update(
        index_elements=["digest"], set_={"expires_at": statement.excluded.expires_at}
    )
    return update


def _using(dialect: str) -> sa.ClauseElement:
    statement = inserted(artifact_uses, dialect)
    update: sa.ClauseElement = statement.on_conflict_do_update(
        index_elements=["execution_id", "number", "member"], set_={"digest": statement.excluded.digest}
    )
    return update


_KEEP = Statement(_keeping)
_USE = Statement(_using)
