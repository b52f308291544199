"""Runs one execution of an instance: claim, compile, interpret, journal, persist.

Rule: every effect is journalled under the claim's fencing token, so a second worker can never double it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa

import caseway_runner as runner
from caseway.containers.errors import ContainerLost
from caseway.containers.job import Job, Place
from caseway.model.canonical import digest
from caseway.model.errors import CasewayError
from caseway.platform import credentials, executions
from caseway.platform.compose import Platform
from caseway.platform.dispatch import Dispatcher
from caseway.platform.journal import JournalWriter, StoreJournal
from caseway.platform.references import MissingSecret
from caseway.worker.connections import environment_for, uses_connections
from caseway.worker.deciding import StoreApprovals
from caseway.worker.executors import (
    ERRORS,
    SPEC_ERRORS,
    UNREACHABLE,
    Executor,
    LocalExecutor,
    faulted,
    here,
)
from caseway.worker.mailbox import StoreEvents, is_told
from caseway.worker.masking import Masked
from caseway.worker.quantities import limits_from
from caseway.worker.sealed_journal import SealedJournal
from caseway.worker.task_log import TaskLog

CLAIM_SECONDS = 30.0
COMPILED_KEPT = 256
ENGINE_SECONDS = 1.0  # before an execution goes back whose engine is away: it may be on its way up
LISTEN_SECONDS = 0.5  # how long a wish to cancel may go unheard; one read of one row each time


@dataclass(slots=True)
class Worker:
    """One process that runs executions. `policy` is what the operator allows on this host; `writer` groups
    the commits of all executions; compiled workflows are kept by digest; `executor` runs them, in this
    process when there is none, and `place` says where those of a claim belong. Claims are held in the
    platform's `holder` name, by which a dead process of this machine is known."""

    platform: Platform
    writer: JournalWriter
    policy: runner.Policy = field(default_factory=runner.Policy)
    claim_seconds: float = CLAIM_SECONDS
    clock: runner.Clock = field(default_factory=runner.SystemClock)
    is_ending: bool = False
    house: Mapping[str, Callable[[Platform], object]] = field(default_factory=dict)
    executor: Executor | None = None
    place: Callable[[executions.Claim], Place | None] = here
    dispatcher: Dispatcher = field(init=False)
    _compiled: dict[str, runner.Program] = field(default_factory=dict)
    _connected: dict[str, bool] = field(default_factory=dict)
    _seen: dict[int, tuple[Mapping[str, Any], runner.Program]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.dispatcher = Dispatcher(self.platform, self.writer)

    def program(self, document: Mapping[str, Any]) -> runner.Program:
        """The compiled `document`, from memory when it was run before."""
        seen = self._seen.get(id(document))
        if seen is not None and seen[0] is document:
            return seen[1]
        key = digest(document)
        if key not in self._compiled:
            self._compiled[key] = runner.compile_workflow(document)
        self._seen[id(document)] = document, self._compiled[key]
        if len(self._seen) > COMPILED_KEPT:
            self._seen.clear()
            self._compiled = {key: self._compiled[key]}
        return self._compiled[key]

    def is_connected(self, held: executions.Claim) -> bool:
        """Whether its workflow could ask for a connection."""
        if held.definition not in self._connected:
            if len(self._connected) > COMPILED_KEPT:
                self._connected.clear()
            self._connected[held.definition] = uses_connections(held.document)
        return self._connected[held.definition]


async def run_execution(platform: Platform, execution_id: str) -> runner.Outcome:
    """Run (or resume) `execution_id` to its end in this process. Raises `CasewayError` `not-claimable` when
    it has ended already or another worker holds it."""
    with JournalWriter(platform.database) as writer:
        return await run_claimed(Worker(platform, writer), claim(Worker(platform, writer), execution_id))


def claim(worker: Worker, execution_id: str) -> executions.Claim:
    """The claim on `execution_id`; refused when another worker holds it or there is nothing left to run."""
    held = executions.claim(
        worker.platform, execution_id, worker=worker.platform.holder, seconds=worker.claim_seconds
    )
    if held is None:
        view = executions.get_execution(worker.platform, execution_id)
        raise CasewayError(
            f"execution {execution_id} cannot be run now: it is {view.status}",
            code="not-claimable",
            place=execution_id,
            hint="wait for the worker that holds it, or start it anew with 'caseway executions retry'",
        )
    return held


async def run_claimed(worker: Worker, held: executions.Claim) -> runner.Outcome:
    """Run a claimed execution and store how it ended. A lost claim stores nothing: its new holder will.

    When this coroutine is cancelled from outside the execution is left suspended, to be resumed from its
    journal; pending, for another worker, when this one `is_ending`.
    """
    if held.has_secrets:
        masked = await asyncio.to_thread(_secrets, worker.platform, held)
    else:
        masked = Masked(_asked_for(worker.platform, held))
    journal = StoreJournal(worker.writer, held)
    work = asyncio.create_task(_interpret(worker, held, journal, masked))
    try:
        answer = await _keep_claim(worker, held, work)
        await asyncio.wait({work})
    except asyncio.CancelledError:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        with suppress(CasewayError):  # the claim may be gone already
            await journal.settle()
        _leave(worker, held)
        raise
    if answer == "suspend" and work.exception() is None and work.result().status is runner.Status.CANCELLED:
        await journal.settle()
        _leave(worker, held)
        return replace(masked.outcome(work.result()), status=runner.Status.SUSPENDED)
    if answer == "lost":
        raise CasewayError(
            f"execution {held.execution_id} was taken over by another worker",
            code="claim-lost",
            place=held.execution_id,
        )
    gone = work.exception()
    if isinstance(gone, ContainerLost):
        await journal.settle()
        return await _hand_back(worker, held, gone)
    outcome = masked.outcome(work.result())
    await worker.dispatcher.finish(held, outcome, journal.close())
    return outcome


def _secrets(platform: Platform, held: executions.Claim) -> Masked:
    """The secrets of the execution: read anew whenever the workflow asks, and looked for from the start."""
    known = credentials.values_for(platform, held.instance_id, execution_id=held.execution_id)
    return Masked(_asked_for(platform, held), known)


def _asked_for(platform: Platform, held: executions.Claim) -> Callable[[str], Any]:
    return credentials.secrets_for(platform, held.instance_id, execution_id=held.execution_id)


async def _interpret(
    worker: Worker, held: executions.Claim, journal: StoreJournal, masked: Masked
) -> runner.Outcome:
    limits = limits_from(held.limits, worker.policy.limits)
    task_log = TaskLog(worker.platform, held.execution_id, masked.text)
    environment: dict[str, str] = {}
    if worker.is_connected(held):
        environment = await asyncio.to_thread(environment_for, worker.platform, held, masked)
    events = StoreEvents(worker.platform, held, masked)
    ports = runner.Ports(
        journal=SealedJournal(journal, masked),
        secrets=masked,
        workflows=executions.workflow_source(worker.platform, held),
        policy=replace(worker.policy, limits=limits),
        on_task=lambda record: journal.record_task(held, masked.record(record)),
        events=events,
        mailbox=events,
        clock=worker.clock,
        can_sleep=True,
        environment=environment,
        on_line=task_log.hear,
        approvals=StoreApprovals(worker.platform, held, masked),
        lifecycle=events if is_told(held.document) else None,
    )
    execution = runner.Execution(id=held.execution_id, depth=held.depth, labels=held.labels)
    try:
        job = Job(held.document, masked.restored(held.input), execution, worker.place(held))
        return await (worker.executor or LocalExecutor(worker.program)).execute(job, ports)
    except MissingSecret as error:
        detail = f"input or journal hold a value of the secret '{error.slot}', which is not there any more"
        return faulted(
            held.execution_id, SPEC_ERRORS + "authorization", "A secret is gone", detail, status=403
        )
    finally:
        await task_log.close()


async def _keep_claim(worker: Worker, held: executions.Claim, work: asyncio.Task[runner.Outcome]) -> str:
    """Renew the claim until the work ends; stop the work when somebody cancelled it or took the claim.

    Whether somebody did is read often and cheaply; the claim itself is written seldom."""
    renewal = max(1, int(worker.claim_seconds / 6 / LISTEN_SECONDS))
    turn = 0
    while not work.done():
        await asyncio.wait({work}, timeout=min(LISTEN_SECONDS, worker.claim_seconds / 6))
        if work.done():
            break
        turn += 1
        answer = await asyncio.to_thread(_heard, worker, held, is_renewed=turn % renewal == 0)
        if answer != "ok":
            work.cancel()
            return answer
    return "ok"


def _heard(worker: Worker, held: executions.Claim, *, is_renewed: bool) -> str:
    """What the database says of the claim. While it says nothing the work goes on: the token fences it."""
    try:
        if is_renewed:
            return executions.heartbeat(worker.platform, held, worker.claim_seconds)
        return executions.listen(worker.platform, held)
    except sa.exc.DBAPIError:
        return "ok"


def _leave(worker: Worker, held: executions.Claim) -> None:
    with suppress(CasewayError):  # the claim may be gone already; then its new holder decides
        if worker.is_ending:
            executions.release(worker.platform, held, status="pending", reason="handed over")
        else:
            executions.release(worker.platform, held, status="suspended", reason="suspended")


async def _hand_back(worker: Worker, held: executions.Claim, gone: ContainerLost) -> runner.Outcome:
    """What lost its container is pending for whoever has a better one, until it was dispatched too often."""
    if gone.code == UNREACHABLE:
        await worker.clock.sleep(ENGINE_SECONDS)
    status = await asyncio.to_thread(executions.lose, worker.platform, held)
    error = runner.WorkflowError(ERRORS + gone.code, 503, "Container lost", gone.message[:2000])
    return runner.Outcome(held.execution_id, runner.Status(status), error=error, reason="lost")
