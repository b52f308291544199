"""What is known of executions beyond their records: spans, logs, figures by window; and the audit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from caseway.model.access import Permission
from caseway.operations.fields import About, Cursor, ExecutionId, Limit, Moment
from caseway.operations.operation import PREFIX, Answer, Operating, Operation, Page
from caseway.operations.paging import read_cursor, write_cursor
from caseway.platform import executions
from caseway.platform.audit import AuditView, list_audit
from caseway.platform.tables.types import moment
from caseway.platform.telemetry import look
from caseway.platform.telemetry.fold import fold
from caseway.platform.telemetry.look import LogLine, Window
from caseway.platform.telemetry.tree import Span

WindowName = Annotated[
    str, About("How long a window is.", example="hour", pattern=f"^({'|'.join(look.WINDOWS)})$")
]


@dataclass(frozen=True, slots=True)
class ListSpans:
    """The spans of which execution."""

    id: ExecutionId
    limit: Limit = 1000
    cursor: Cursor = ""


@dataclass(frozen=True, slots=True)
class ListLines:
    """The log of which execution."""

    id: ExecutionId
    limit: Limit = 1000
    cursor: Cursor = ""


@dataclass(frozen=True, slots=True)
class ListWindows:
    """Figures since when (a day ago), by which window, of what."""

    since: Moment = ""
    window: WindowName = "hour"
    process: str = ""
    workflow: str = ""
    limit: Limit = 1000
    cursor: Cursor = ""


@dataclass(frozen=True, slots=True)
class ListAudit:
    """Changes to what."""

    name: str = ""
    limit: Limit = 50
    cursor: Cursor = ""


def list_spans(operating: Operating, asked: ListSpans) -> Page:
    """The span tree, the root first; folded now when no worker has come to it yet."""
    found = look.spans_of(operating.platform, operating.organization, asked.id)
    if not found and fold(operating.platform):
        found = look.spans_of(operating.platform, operating.organization, asked.id)
    start = _number(asked.cursor)
    end = start + asked.limit
    return Page(found[start:end], write_cursor([str(end)]) if end < len(found) else "")


def list_lines(operating: Operating, asked: ListLines) -> Page:
    """The lines that its tasks wrote."""
    executions.get_execution(operating.platform, asked.id, organization=operating.organization)
    after = _number(asked.cursor)
    found = look.log_of(operating.platform, asked.id, after=after, limit=asked.limit + 1)
    shown = found[: asked.limit]
    return Page(shown, write_cursor([str(shown[-1].number)]) if len(found) > len(shown) else "")


def list_windows(operating: Operating, asked: ListWindows) -> Page:
    """Figures by window, oldest first."""
    found = look.windows(
        operating.platform,
        operating.organization,
        window=asked.window,
        since=moment(asked.since) if asked.since else None,
        process=asked.process,
        workflow=asked.workflow,
    )
    start = _number(asked.cursor)
    end = start + asked.limit
    return Page(found[start:end], write_cursor([str(end)]) if end < len(found) else "")


def list_changes(operating: Operating, asked: ListAudit) -> Page:
    """Who changed what, newest first."""
    found = list_audit(
        operating.platform,
        operating.organization,
        name=asked.name,
        limit=asked.limit + 1,
        before=_number(asked.cursor),
    )
    shown = found[: asked.limit]
    return Page(shown, write_cursor([str(shown[-1].id)]) if len(found) > len(shown) else "")


def _number(cursor: str) -> int:
    key = read_cursor(cursor)
    return int(key[0]) if key and key[0].isdecimal() and len(key[0]) < 19 else 0


OPERATIONS = (
    Operation(
        name="spans.list",
        method="GET",
        path=PREFIX + "/executions/{id}/spans",
        permission=Permission.VIEW,
        summary="List the spans of an execution, the root first",
        description="Spans are folded when an execution has ended, and outlive its run data.",
        request=ListSpans,
        response=Span,
        run=list_spans,
        answer=Answer.LIST,
        about="execution",
        by="id",
    ),
    Operation(
        name="logs.list",
        method="GET",
        path=PREFIX + "/executions/{id}/logs",
        permission=Permission.VIEW,
        summary="List the lines that the tasks of an execution wrote, oldest first",
        request=ListLines,
        response=LogLine,
        run=list_lines,
        answer=Answer.LIST,
        about="execution",
        by="id",
    ),
    Operation(
        name="metrics.list",
        method="GET",
        path=PREFIX + "/metrics",
        permission=Permission.ADMINISTER,
        summary="List how many executions ended, faulted, and how long they took, by window",
        request=ListWindows,
        response=Window,
        run=list_windows,
        answer=Answer.LIST,
    ),
    Operation(
        name="audit.list",
        method="GET",
        path=PREFIX + "/audit",
        permission=Permission.ADMINISTER,
        summary="List who changed what, newest first",
        request=ListAudit,
        response=AuditView,
        run=list_changes,
        answer=Answer.LIST,
    ),
)
