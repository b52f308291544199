"""Looks at what a poll trigger asks: one request, and the items of its answer.

Rule: the request is a task of the workflow language, run as any other: the policy of this host, secrets and
masking hold for it, too."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import caseway_runner as runner
from caseway.model.quantities import seconds
from caseway.platform import credentials, lease
from caseway.platform.intake import polls
from caseway.platform.intake.polls import Item
from caseway.platform.intake.watched import Watched
from caseway.repo.poll_request import NAME, items_program, request_document
from caseway.worker.letters import key_text
from caseway.worker.masking import Masked
from caseway.worker.run import Worker

TIMEOUT = 30.0
MOST_ITEMS = 10_000


class Unanswered(Exception):
    """A look that failed, in words that people may read."""


async def poll(worker: Worker, watched: Watched, held: lease.Lease) -> list[str]:
    """One look; the ids of the executions that it started. Raises as `polls.keep`."""
    platform = worker.platform
    known = await asyncio.to_thread(credentials.values_for, platform, watched.instance_id)
    masked = Masked(credentials.secrets_for(platform, watched.instance_id), known)
    try:
        content = await _answer(worker, watched, masked)
        items = await asyncio.to_thread(items_of, watched.definition, content)
    except Unanswered as error:
        await asyncio.to_thread(polls.fail, platform, held, watched, masked.text(str(error)))
        return []
    return await asyncio.to_thread(polls.keep, platform, held, watched, items)


def items_of(definition: Mapping[str, Any], content: Any) -> list[Item]:
    """The items of an answer, each with its key. Raises `Unanswered`."""
    try:
        found = runner.compile_expression(items_program(definition), ()).evaluate(content, {})[0]
        if len(found) > MOST_ITEMS:
            raise Unanswered(f"the answer has {len(found)} items; at most {MOST_ITEMS} are looked at")
        return [Item(key_text(each["key"]), each["value"]) for each in found]
    except ValueError as error:
        raise Unanswered(f"the answer's items cannot be read: {error}") from error


async def _answer(worker: Worker, watched: Watched, masked: Masked) -> Any:
    slots = await asyncio.to_thread(_slots, worker, watched)
    document = request_document(watched.definition, slots)
    wait = seconds(str(watched.definition.get("timeout") or f"{TIMEOUT:.0f}s"))
    try:
        program = worker.program(document)
    except runner.InvalidWorkflow as error:
        raise Unanswered(f"the request cannot be read: {error}") from error
    ports = runner.Ports(
        secrets=masked,
        clock=worker.clock,
        policy=replace(worker.policy, limits=replace(worker.policy.limits, wall_seconds=wait)),
    )
    outcome = await runner.execute(program, {}, runner.Execution(id=NAME), ports)
    if outcome.status is runner.Status.COMPLETED:
        return outcome.output
    wrong = outcome.error
    raise Unanswered(f"{wrong.title}: {wrong.detail}" if wrong is not None else outcome.status.value)


def _slots(worker: Worker, watched: Watched) -> list[str]:
    with worker.platform.database.reading() as connection:
        bound = credentials.bound_slots(connection, watched.instance_id)
    return [slot for slot in bound if ":" not in slot]
