"""Starts executions and runs them in this process, for trigger, resume and retry."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import caseway_runner as runner
from caseway.cli.outcome_text import outcome_json, print_outcome
from caseway.cli.output import clean, facts_of, print_json, say
from caseway.cli.session import Session
from caseway.model.errors import CasewayError
from caseway.platform import executions, schedules
from caseway.platform.journal import JournalWriter
from caseway.worker.run import Worker, claim, run_claimed

if TYPE_CHECKING:
    from caseway.platform.compose import Platform


@dataclass(frozen=True, slots=True)
class Start:
    """What is to be started."""

    instance: str
    workflow: str = ""
    input: Any = None
    trigger_id: str = ""
    is_run_now: bool = False
    idempotency_key: str = ""


def start(platform: Platform, organization: str, asked: Start, *, actor: str) -> str:
    """The id of the new execution."""
    if asked.is_run_now:
        return schedules.run_now(platform, organization, asked.instance, asked.workflow, actor=actor)
    new = executions.NewExecution(
        organization=organization,
        instance=asked.instance,
        workflow=asked.workflow,
        input=asked.input,
        trigger="manual",
        trigger_id=asked.trigger_id,
        actor=actor,
        idempotency_key=asked.idempotency_key,
    )
    return executions.create(platform, new)


def see_through(
    session: Session, platform: Platform, execution_id: str, *, wait: bool, processes: bool
) -> int:
    """Run the execution here and show its end (or only its id); the exit code."""
    if not wait:
        view = executions.get_execution(platform, execution_id)
        if session.is_json:
            print_json(facts_of(view))
        else:
            say(execution_id)
        return 0
    if session.is_text:
        say(f"execution {clean(execution_id)}", err=True)
    try:
        outcome = run_here(platform, execution_id, processes=processes)
    except KeyboardInterrupt as error:
        raise CasewayError(
            f"execution {execution_id} is suspended",
            code="interrupted",
            hint=f"go on with: caseway executions resume {execution_id}",
        ) from error
    if session.is_json:
        print_json(outcome_json(outcome))
    else:
        print_outcome(outcome, execution_id)
    return 0 if outcome.status == "completed" else 1


def run_here(platform: Platform, execution_id: str, *, processes: bool) -> runner.Outcome:
    """Claim the execution and run it to its end in this process."""
    with JournalWriter(platform.database) as writer:
        worker = Worker(platform, writer, runner.Policy(processes=processes))
        return asyncio.run(run_claimed(worker, claim(worker, execution_id)))
