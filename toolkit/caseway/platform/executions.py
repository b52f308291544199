"""Executions from their creation to their end, in one place to import from."""

from __future__ import annotations

from caseway.platform.claims import (
    claim,
    claim_next,
    heartbeat,
    listen,
    pending,
    pending_since,
    release,
)
from caseway.platform.creation import NewExecution, create
from caseway.platform.ending import finish
from caseway.platform.held import Claim
from caseway.platform.recall import cancel, lose, resume, sweep
from caseway.platform.rerunning import Again, rerun, retry
from caseway.platform.sleeping import WaitingView, waiting_of, wake_due
from caseway.platform.sources import workflow_source
from caseway.platform.suspending import suspend
from caseway.platform.trail import ExecutionView, Page, TaskView, get_execution, list_executions, tasks

__all__ = [
    "Again",
    "Claim",
    "ExecutionView",
    "NewExecution",
    "Page",
    "TaskView",
    "WaitingView",
    "cancel",
    "claim",
    "claim_next",
    "create",
    "finish",
    "get_execution",
    "heartbeat",
    "list_executions",
    "listen",
    "lose",
    "pending",
    "pending_since",
    "release",
    "rerun",
    "resume",
    "retry",
    "suspend",
    "sweep",
    "tasks",
    "waiting_of",
    "wake_due",
    "workflow_source",
]
