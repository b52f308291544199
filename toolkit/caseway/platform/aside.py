"""Results of executions that are kept apart, found again.

Rule: what an execution refers to is found among what it uses itself, whatever its values say."""

from __future__ import annotations

import json
import zlib
from typing import Any

import sqlalchemy as sa

from caseway.platform.tables import artifact_uses, artifacts

REFERENCE = "$artifact"
# The numbers of uses that are no journal entry's: a task's output, its input, the execution's result.
OUTPUT, INPUT, RESULT = -1, -2, -3


def value_in(content: bytes) -> Any:
    """The value that an artifact holds."""
    return json.loads(zlib.decompress(content))


def result_of(connection: sa.Connection, execution_id: str, shown: Any) -> Any:
    """The result whose row has `shown`: that, or what it refers to."""
    if not isinstance(shown, dict) or REFERENCE not in shown:
        return shown
    content = connection.scalar(
        sa.select(artifacts.c.content)
        .join(artifact_uses, artifact_uses.c.digest == artifacts.c.digest)
        .where(artifact_uses.c.execution_id == execution_id, artifact_uses.c.number == RESULT)
    )
    return shown if content is None else value_in(content)
