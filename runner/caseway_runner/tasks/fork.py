"""`fork`: branches at the same time, or as a race.

Each branch works on its own copy of the context; afterwards the exports are merged in the order of the
branches, so that the result does not depend on timing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from caseway_runner.activation import Activation
from caseway_runner.errors import Fault
from caseway_runner.interpret import run_task
from caseway_runner.program import Task, TaskList
from caseway_runner.scope import Scope
from caseway_runner.session import Doomed, Strand

KEYS = frozenset({"fork"})


@dataclass(frozen=True, slots=True)
class ForkBody:
    """The branches, each one task."""

    branches: TaskList
    compete: bool
    nature: ClassVar[str] = "composite"

    async def run(self, activation: Activation) -> Any:
        """An array of all outputs, or in a race the output of the winner."""
        if not self.branches.tasks:
            return None if self.compete else []
        settled = activation.noted("settled")
        deciding = settled.data["branch"] if settled is not None else None
        outer = activation.strand
        strands = [Strand(outer.context, outer.deadline, outer=outer) for _ in self.branches.tasks]
        if deciding is not None:
            _doom_others(strands, deciding)
        gate = asyncio.Semaphore(activation.run.session.ports.policy.limits.concurrency)
        running = [
            asyncio.ensure_future(_branch(activation, task, strand, gate))
            for task, strand in zip(self.branches.tasks, strands, strict=True)
        ]
        try:
            with activation.run.session.parking.joining():
                return await self._joined(activation, running, strands, deciding)
        finally:
            for branch in running:
                branch.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _joined(
        self,
        activation: Activation,
        running: list[asyncio.Task[tuple[Any, bool]]],
        strands: list[Strand],
        deciding: int | None,
    ) -> Any:
        if deciding is not None:
            await asyncio.wait(running)  # the others only replay; then they stop by themselves
        first = await _deciding_branch(running, self.compete) if deciding is None else deciding
        if first is None:
            results = [branch.result() for branch in running]
            activation.strand.context = _merged(activation.strand.context, strands)
            activation.has_ended = any(ended for _, ended in results)
            return [output for output, _ in results]
        if deciding is None and _is_decision(running[first]):
            activation.note("settled", {"branch": first})
            _doom_others(strands, first)  # at once: cancelling takes a turn for each fork within
        output, activation.has_ended = running[first].result()
        activation.strand.context = strands[first].context
        return output


def _doom_others(strands: list[Strand], deciding: int) -> None:
    """Nothing starts any more in the branches that did not decide."""
    for at, strand in enumerate(strands):
        if at != deciding:
            strand.doom = Doomed()


def _is_decision(branch: asyncio.Task[Any]) -> bool:
    """Whether the branch ended by itself, not because the whole execution was stopped."""
    return not branch.cancelled() and isinstance(branch.exception(), Fault | None)


async def _branch(
    activation: Activation, task: Task, strand: Strand, gate: asyncio.Semaphore
) -> tuple[Any, bool]:
    parent = replace(activation, strand=strand)
    async with gate:
        position = activation.position + task.step
        with activation.run.session.parking.working():
            output, directive = await run_task(parent, task, activation.input, position, activation.variables)
    is_over = activation.run.session.is_over_at(activation.reference + task.step)
    return output, directive == "end" or is_over


async def _deciding_branch(running: list[asyncio.Task[tuple[Any, bool]]], compete: bool) -> int | None:
    """Which branch decides: the winner of a race, or the first that faults. None when all complete.

    A race goes on while branches fault; only when all have faulted does the last fault decide."""
    pending = set(running)
    while pending:
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for at, branch in enumerate(running):
            if branch in done:
                failed = branch.cancelled() or branch.exception() is not None
                if compete and (not failed or not pending or not isinstance(branch.exception(), Fault)):
                    return at
                if failed and not compete:
                    return at
    return None


def _merged(context: Any, strands: list[Strand]) -> Any:
    """The context after the fork: keys a branch changed win, later branches over earlier ones."""
    merged = context
    for strand in strands:
        changed = strand.context
        if changed is context:
            continue
        if isinstance(merged, dict) and isinstance(changed, dict) and isinstance(context, dict):
            news = {
                key: item for key, item in changed.items() if key not in context or context[key] is not item
            }
            kept = {key: item for key, item in merged.items() if key in changed or key not in context}
            merged = {**kept, **news}
        else:
            merged = changed
    return merged


def compile_body(source: Mapping[str, Any], scope: Scope) -> ForkBody | None:
    """`branches` and `compete`."""
    place = scope.at("fork")
    fields = place.mapping(source["fork"], {"branches", "compete"}, ("branches",))
    if fields is None:
        return None
    return ForkBody(
        branches=place.at("branches").tasks(fields["branches"], "/fork/branches"),
        compete=place.flag(fields, "compete", False),
    )
