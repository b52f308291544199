"""Executions from their creation to their end, in one place to import from."""

from __future__ import annotations

from caseway.platform.claims import Claim, claim, claim_next, finish, heartbeat, release
from caseway.platform.creation import NewExecution, create
from caseway.platform.recall import cancel, resume, retry, sweep
from caseway.platform.sources import workflow_source
from caseway.platform.trail import ExecutionView, Page, TaskView, get_execution, list_executions, tasks

__all__ = [
    "Claim",
    "ExecutionView",
    "NewExecution",
    "Page",
    "TaskView",
    "cancel",
    "claim",
    "claim_next",
    "create",
    "finish",
    "get_execution",
    "heartbeat",
    "list_executions",
    "release",
    "resume",
    "retry",
    "sweep",
    "tasks",
    "workflow_source",
]
