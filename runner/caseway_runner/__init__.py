"""Interprets the CNCF Serverless Workflow DSL 1.0.x. Stands alone; these names are its public face."""

from __future__ import annotations

from caseway_runner.approvals import ApprovalRequest, Approvals, Decision, NobodyDecides
from caseway_runner.catalog import function_path, parse_reference, with_functions
from caseway_runner.compile import compile_workflow, problems
from caseway_runner.connections.registry import FUNCTIONS as CONNECTION_FUNCTIONS
from caseway_runner.containers import ContainerError, ContainerRequest, ContainerResult, Containers
from caseway_runner.duration import parse_duration
from caseway_runner.engine import execute
from caseway_runner.expression import Expression, ExpressionError, compile_expression
from caseway_runner.files import folder_files, with_carried
from caseway_runner.journal import Entry, Journal, MemoryJournal
from caseway_runner.lines import Line
from caseway_runner.outcome import Outcome, Status, TaskRecord, Waiting, WorkflowError
from caseway_runner.policy import Limits, Policy
from caseway_runner.ports import (
    Arrival,
    Clock,
    EventBus,
    EventLog,
    Execution,
    FileSource,
    Mailbox,
    Ports,
    SecretSource,
    Stub,
    StubAnswer,
    StubCall,
    SystemClock,
    WorkflowSource,
)
from caseway_runner.problem import InvalidWorkflow, Problem
from caseway_runner.program import Program
from caseway_runner.rerun import NeverStarted, Rerun, reference_of, rerun_journal, task_references
from caseway_runner.starting import Gathered, Judged, Start, compile_start, gathered_of

__all__ = [
    "CONNECTION_FUNCTIONS",
    "ApprovalRequest",
    "Approvals",
    "Arrival",
    "Clock",
    "ContainerError",
    "ContainerRequest",
    "ContainerResult",
    "Containers",
    "Decision",
    "Entry",
    "EventBus",
    "EventLog",
    "Execution",
    "Expression",
    "ExpressionError",
    "FileSource",
    "Gathered",
    "InvalidWorkflow",
    "Journal",
    "Judged",
    "Limits",
    "Line",
    "Mailbox",
    "MemoryJournal",
    "NeverStarted",
    "NobodyDecides",
    "Outcome",
    "Policy",
    "Ports",
    "Problem",
    "Program",
    "Rerun",
    "SecretSource",
    "Start",
    "Status",
    "Stub",
    "StubAnswer",
    "StubCall",
    "SystemClock",
    "TaskRecord",
    "Waiting",
    "WorkflowError",
    "WorkflowSource",
    "compile_expression",
    "compile_start",
    "compile_workflow",
    "execute",
    "folder_files",
    "function_path",
    "gathered_of",
    "parse_duration",
    "parse_reference",
    "problems",
    "reference_of",
    "rerun_journal",
    "task_references",
    "with_carried",
    "with_functions",
]
