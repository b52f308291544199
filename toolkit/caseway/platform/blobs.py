"""Uploaded content, by its digest and within its organization. What nobody asks for is forgotten."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from caseway.model.canonical import JsonObject, canonical, digest
from caseway.model.errors import CasewayError
from caseway.platform.bundle import Platform
from caseway.platform.tables import blobs

KEPT = timedelta(days=7)
AT_ONCE = 500  # digests in one statement: databases bound their parameters


def missing(platform: Platform, organization: str, digests: Iterable[str]) -> list[str]:
    """Those of `digests` that are not there, each once; what is there is kept for another while."""
    wanted = list(dict.fromkeys(digests))
    now = platform.clock()
    known: set[str] = set()
    with platform.database.writing() as connection:
        connection.execute(sa.delete(blobs).where(blobs.c.expires_at <= now))
        for part in _parts(wanted):
            mine = sa.and_(blobs.c.organization == organization, blobs.c.digest.in_(part))
            known |= set(connection.scalars(sa.select(blobs.c.digest).where(mine)))
            connection.execute(sa.update(blobs).where(mine).values(expires_at=now + KEPT))
    return [name for name in wanted if name not in known]


def put(platform: Platform, organization: str, name: str, content: JsonObject) -> None:
    """Keep content under its digest. Raises `CasewayError` (`digest-mismatch`) when it is another's."""
    if digest(content) != name:
        raise CasewayError(
            "the content is not what its digest says",
            code="digest-mismatch",
            place=name,
            hint="send it again",
        )
    kept = canonical(content).encode("utf-8", "surrogatepass")
    with platform.database.writing() as connection:
        mine = sa.and_(blobs.c.organization == organization, blobs.c.digest == name)
        connection.execute(sa.delete(blobs).where(mine))
        connection.execute(
            sa.insert(blobs).values(
                organization=organization, digest=name, content=kept, expires_at=platform.clock() + KEPT
            )
        )


def contents(platform: Platform, organization: str, digests: Iterable[str]) -> Mapping[str, Any]:
    """The content of each digest. Raises `CasewayError` (`blobs-missing`)."""
    wanted = list(dict.fromkeys(digests))
    found: dict[str, bytes] = {}
    with platform.database.reading() as connection:
        for part in _parts(wanted):
            query = sa.select(blobs.c.digest, blobs.c.content).where(
                blobs.c.organization == organization, blobs.c.digest.in_(part)
            )
            found |= {row.digest: row.content for row in connection.execute(query)}
    absent = [name for name in wanted if name not in found]
    if absent:
        raise CasewayError(
            f"{len(absent)} contents are not uploaded, such as {absent[0]}",
            code="blobs-missing",
            place=absent[0],
            hint="ask which are missing, upload those, and plan again",
        )
    return {name: _decoded(content) for name, content in found.items()}


def _decoded(content: bytes) -> Any:
    return json.loads(content.decode("utf-8", "surrogatepass"))


def _parts(names: list[str]) -> Iterable[list[str]]:
    return (names[at : at + AT_ONCE] for at in range(0, len(names), AT_ONCE))
