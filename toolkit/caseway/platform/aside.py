"""Results of executions that are kept apart, found again.

Rule: what an execution refers to is found among what it uses itself, whatever its values say."""

from __future__ import annotations

import json
import zlib
from typing import Any

import sqlalchemy as sa

from caseway.model.errors import CasewayError
from caseway.platform.tables import artifact_uses, artifacts

REFERENCE = "$artifact"
# The numbers of uses that are no journal entry's: a task's output, its input, the execution's result.
OUTPUT, INPUT, RESULT = -1, -2, -3


def value_in(connection: sa.Connection, content: bytes, place: str) -> Any:
    """The value that an artifact holds, here or in the store that the platform was opened with."""
    if place:
        store = connection.get_execution_options().get("artifact_store")
        if store is None:
            raise CasewayError(
                "a large value is kept in another place, and nobody says where",
                code="artifact-store",
                place=place,
                hint="set CASEWAY_ARTIFACT_STORE as it was",
            )
        content = store.get(place)
    return json.loads(zlib.decompress(content))


def result_of(connection: sa.Connection, execution_id: str, shown: Any) -> Any:
    """The result whose row has `shown`: that, or what it refers to."""
    if not isinstance(shown, dict) or REFERENCE not in shown:
        return shown
    row = connection.execute(
        sa.select(artifacts.c.content, artifacts.c.place)
        .join(artifact_uses, artifact_uses.c.digest == artifacts.c.digest)
        .where(artifact_uses.c.execution_id == execution_id, artifact_uses.c.number == RESULT)
    ).first()
    return shown if row is None else value_in(connection, row.content, row.place)
