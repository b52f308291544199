"""Starts executions and runs them in this process, for trigger, resume and retry."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import caseway_runner as runner
from caseway.cli.executions_text import execution_facts
from caseway.cli.outcome_text import outcome_json, print_outcome
from caseway.cli.output import clean, print_json, say
from caseway.cli.session import Session
from caseway.model.errors import CasewayError
from caseway.platform import executions, schedules
from caseway.platform.journal import JournalWriter
from caseway.platform.views import get_instance
from caseway.worker.run import Worker, claim, run_claimed

if TYPE_CHECKING:
    from caseway.platform.compose import Platform


AWAKE_SECONDS = 300.0  # somebody looks on: shorter waits are seen through, longer ones left to a worker


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
        workflow=asked.workflow or _only_workflow(platform, organization, asked.instance),
        input=asked.input,
        trigger="manual",
        trigger_id=asked.trigger_id,
        actor=actor,
        idempotency_key=asked.idempotency_key,
    )
    return executions.create(platform, new)


def _only_workflow(platform: Platform, organization: str, instance: str) -> str:
    """The one workflow that can be meant; "" leaves it to the platform to say that there is none."""
    view = get_instance(platform, organization, instance)
    startable = [item.id for item in view.workflows if _is_manual(item.triggers)]
    if len(startable) > 1:
        raise CasewayError(
            f"which workflow of {instance}?",
            code="which-workflow",
            place=instance,
            hint=f"name one of: {', '.join(startable)}",
        )
    return startable[0] if startable else ""


def _is_manual(triggers: Iterable[Mapping[str, Any]]) -> bool:
    return any(item.get("type") == "manual" for item in triggers)


def see_through(
    session: Session, platform: Platform, execution_id: str, *, wait: bool, processes: bool
) -> int:
    """Run the execution here and show its end (or only its id); the exit code."""
    if not wait:
        view = executions.get_execution(platform, execution_id)
        if session.is_json:
            print_json(execution_facts(view))
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
        if outcome.waiting is not None:
            say(
                f"it sleeps; 'caseway serve worker' goes on: caseway executions get {clean(execution_id)}",
                err=True,
            )
    return 0 if outcome.status == "completed" else 1


def run_here(platform: Platform, execution_id: str, *, processes: bool) -> runner.Outcome:
    """Claim the execution and run it to its end in this process."""
    with JournalWriter(platform.database) as writer:
        limits = runner.Limits(awake_seconds=AWAKE_SECONDS)
        worker = Worker(platform, writer, runner.Policy(processes=processes, limits=limits))
        return asyncio.run(run_claimed(worker, claim(worker, execution_id)))
