"""Caseway's own runner as a target: what is live are rows of the platform's database.

Live ids follow from instance, workflow and content, so that publishing again after a crash changes nothing.
Which of them answer triggers, the platform's pointer and the phase of the instance say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from caseway.model.canonical import digest
from caseway.platform.attempts import keep_definitions
from caseway.platform.database import Database
from caseway.platform.tables import live_workflows
from caseway.platform.target import Live, Rendered


@dataclass(frozen=True, slots=True)
class Builtin:
    """Publishes into the platform's own database."""

    database: Database
    clock: Callable[[], datetime]
    name: str = "builtin"
    fires_schedules: bool = False

    def publish(self, workflows: Sequence[Rendered]) -> Mapping[str, str]:
        """Rows for all workflows, in one transaction."""
        ids = {item.workflow: _live_id(item) for item in workflows}
        with self.database.transaction() as connection:
            keep_definitions(connection, workflows)
            kept = set(
                connection.scalars(
                    sa.select(live_workflows.c.live_id).where(
                        live_workflows.c.live_id.in_(list(ids.values()))
                    )
                )
            )
            fresh = [item for item in workflows if ids[item.workflow] not in kept]
            if fresh:
                connection.execute(sa.insert(live_workflows), [self._row(item) for item in fresh])
        return ids

    def activate(self, live_ids: Sequence[str], *, active: bool) -> None:
        """Nothing to do: triggers ask for the phase of the instance."""

    def retire(self, live_ids: Sequence[str]) -> None:
        """Delete their rows; executions that run keep their definition."""
        with self.database.transaction() as connection:
            connection.execute(sa.delete(live_workflows).where(live_workflows.c.live_id.in_(list(live_ids))))

    def live(self, instance_id: str) -> Sequence[Live]:
        """Every row of the instance."""
        query = sa.select(live_workflows).where(live_workflows.c.instance_id == instance_id)
        with self.database.reading() as connection:
            return [Live(row.live_id, row.workflow, row.digest, True) for row in connection.execute(query)]

    def _row(self, item: Rendered) -> dict[str, object]:
        return {
            "live_id": _live_id(item),
            "instance_id": item.instance_id,
            "workflow": item.workflow,
            "digest": item.digest,
            "published_at": self.clock(),
        }


def _live_id(item: Rendered) -> str:
    return "live-" + digest([item.instance_id, item.workflow, item.digest]).removeprefix("sha256:")[:24]
