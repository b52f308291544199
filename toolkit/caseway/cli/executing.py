"""Sees an execution through: runs it in this process, or follows it where it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from caseway.cli.executions_text import print_execution
from caseway.cli.outcome_text import outcome_json, outcome_of, print_outcome
from caseway.cli.output import clean, print_json, say
from caseway.cli.session import Session
from caseway.model.errors import CasewayError
from caseway.operations.client import Client

if TYPE_CHECKING:
    import caseway_runner as runner
    from caseway.platform.bundle import Platform

AWAKE_SECONDS = 300.0  # somebody looks on: shorter waits are seen through, longer ones left to a worker


def see_through(
    session: Session, client: Client, view: Mapping[str, Any], *, wait: bool, processes: bool
) -> int:
    """Show how the execution ends (or only its id); the exit code."""
    execution_id = str(view["id"])
    if not wait:
        if session.is_json:
            print_json(view)
        else:
            say(execution_id)
        return 0
    if session.is_text:
        say(f"execution {clean(execution_id)}", err=True)
    if session.is_remote:
        return _follow(session, client, execution_id, processes=processes)
    from caseway.operations.local_client import LocalClient

    assert isinstance(client, LocalClient)
    return _run(session, client.platform, execution_id, processes=processes)


def _follow(session: Session, client: Client, execution_id: str, *, processes: bool) -> int:
    """A worker of the server's runs it; here it is only looked at."""
    if processes:
        raise CasewayError(
            "what a server's workers may run is not said here",
            code="local-only",
            hint="leave out --allow-processes; 'caseway serve worker --allow-processes' says it there",
        )
    try:
        for _ in client.stream("executions.follow", id=execution_id):
            continue
    except KeyboardInterrupt as error:
        raise CasewayError(
            f"execution {execution_id} goes on without you",
            code="interrupted",
            hint=f"look at it with: caseway executions get {execution_id}",
        ) from error
    facts = client.call("executions.get", id=execution_id)
    if session.is_json:
        print_json(outcome_of(facts))
    else:
        print_execution(facts, facts["tasks"])
    return 0 if facts["status"] == "completed" else 1


def _run(session: Session, platform: Platform, execution_id: str, *, processes: bool) -> int:
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
    import caseway_runner as runner
    from caseway.cli.engine import task_policy, the_engine
    from caseway.platform.journal import JournalWriter
    from caseway.worker.contained import contained
    from caseway.worker.handing_over import run_until_told
    from caseway.worker.run import Worker

    with JournalWriter(platform.database) as writer:
        limits = runner.Limits(awake_seconds=AWAKE_SECONDS)
        worker = Worker(platform, writer, runner.Policy(processes=processes, limits=limits))

        async def run() -> runner.Outcome:
            async with contained(worker, the_engine, task_policy):
                return await run_until_told(worker, execution_id)

        return asyncio.run(run())
