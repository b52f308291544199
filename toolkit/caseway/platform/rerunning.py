"""Running an execution again: anew, from a task on, with another input, with outputs pinned, up to a task.

Rule: a rerun is a new execution that knows whose it is; the one it comes from is never touched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from caseway.model.canonical import Json
from caseway.model.errors import CasewayError
from caseway.platform import artifacts, credentials, trail
from caseway.platform.audit import By, note
from caseway.platform.bundle import Platform
from caseway.platform.claims import ENDED
from caseway.platform.creation import fresh
from caseway.platform.journal import read
from caseway.platform.lookup import Row
from caseway.platform.references import References
from caseway.platform.sources import document_of
from caseway.platform.statements import raw
from caseway.platform.tables import executions, instant

if TYPE_CHECKING:
    from caseway_runner import Entry, Rerun

_KEPT = (
    *("organization", "instance_id", "instance", "process", "stage", "workflow", "version"),
    *("deployment_id", "template_digest", "definition", "trigger", "trigger_id"),
)


@dataclass(frozen=True, slots=True)
class Again:
    """What is to be different, each "" or empty when it is not: `origin` is the task to begin with, `until`
    the one to end with, `pins` outputs by task; the input is another when `has_input`."""

    origin: str = ""
    until: str = ""
    pins: Mapping[str, Json] = field(default_factory=dict)
    input: Json = None
    has_input: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether it is the same once more."""
        return not (self.origin or self.until or self.pins)


def rerun(platform: Platform, execution_id: str, again: Again, *, actor: str, organization: str = "") -> str:
    """The id of a new execution, pending. Raises `CasewayError`: `not-found`, `illegal-transition` while the
    other one has not ended, `no-such-task`, `never-started`."""
    now = platform.clock()
    new_id = platform.ids()
    with platform.database.writing() as connection:
        row = trail.the_execution(connection, execution_id)
        if organization and row.organization != organization:
            raise trail.unknown(execution_id)
        if row.status not in ENDED:
            raise CasewayError(
                f"execution {execution_id} is {row.status} still",
                code="illegal-transition",
                place=execution_id,
                hint="wait for its end, or cancel it",
            )
        document = document_of(connection, row.definition)
        entries = () if again.is_plain else _entries(platform, row, document, again, instant(now))
        references = References(credentials.values_within(connection, platform, row.instance_id).items())
        connection.execute(
            sa.insert(executions).values(
                **{name: getattr(row, name) for name in _KEPT},
                id=new_id,
                actor=actor,
                input=references.hide(again.input) if again.has_input else row.input,
                created_at=now,
                retry_of=execution_id,
                idempotency_key=None,
                **fresh(),
            )
        )
        if entries:
            *kept, last = entries  # what was recorded has no secrets in it any more, what is pinned may
            told = [*kept, replace(last, data=references.hide(last.data))]
            artifacts.store(raw(connection), trail.entry_rows(new_id, told, 0), ())
        subject = ("retry" if again.is_plain and not again.has_input else "rerun", "execution", execution_id)
        note(connection, By(row.organization, actor, now), subject, after=_noted(new_id, again))
    return new_id


def retry(platform: Platform, execution_id: str, *, actor: str, organization: str = "") -> str:
    """The same once more, from the start; the id of the new execution. Errors as `rerun`."""
    return rerun(platform, execution_id, Again(), actor=actor, organization=organization)


def _entries(
    platform: Platform, row: Row, document: Mapping[str, Any], again: Again, at: str
) -> tuple[Entry, ...]:
    import caseway_runner as runner  # noqa: PLC0415 - a plain retry needs no runner

    known = runner.task_references(document)
    for reference in (again.origin, again.until, *again.pins):
        if reference and reference not in known:
            raise CasewayError(
                f"the workflow has no task {reference!r}",
                code="no-such-task",
                place=row.id,
                hint=f"its tasks: {', '.join(known[:20])}{', …' if len(known) > 20 else ''}",
            )
    asked: Rerun = runner.Rerun(again.origin, again.until, again.pins)
    try:
        return tuple(runner.rerun_journal(read(platform.database, row.id), asked, at))
    except runner.NeverStarted as error:
        raise CasewayError(
            f"execution {row.id} did not come to {again.origin}",
            code="never-started",
            place=row.id,
            hint="run it again from a task that it started, or from the beginning",
        ) from error


def _noted(new_id: str, again: Again) -> dict[str, Any]:
    """What the audit tells: which tasks, never values."""
    told: dict[str, Any] = {"execution": new_id}
    told |= {"from": again.origin} if again.origin else {}
    told |= {"until": again.until} if again.until else {}
    told |= {"pinned": sorted(again.pins)} if again.pins else {}
    return told | ({"input": "edited"} if again.has_input else {})
