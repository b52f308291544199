"""`fork`: branches at the same time, or as a race.

Each branch works on its own copy of the context; afterwards the exports are merged in the order of the
branches, so that the result does not depend on timing. Rule: which branch decides stands in the journal right
after its end, before anything that follows from it."""

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
        outer = activation.strand
        strands = [Strand(outer.context, outer.deadline, outer=outer) for _ in self.branches.tasks]
        race = _Race(activation, self, strands)
        is_known = race.deciding is not None or outer.doom is not None
        gate = asyncio.Semaphore(activation.run.session.ports.policy.limits.concurrency)
        running = [
            asyncio.ensure_future(_branch(activation, task, strand, gate))
            for task, strand in zip(self.branches.tasks, strands, strict=True)
        ]
        try:
            with activation.run.session.parking.joining():
                if is_known:
                    await asyncio.wait(running)  # the others only replay; then they stop by themselves
                return await self._joined(activation, running, race)
        finally:
            for branch in running:
                branch.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _joined(
        self, activation: Activation, running: list[asyncio.Task[tuple[Any, bool]]], race: _Race
    ) -> Any:
        first = await _deciding_branch(running, self.compete) if race.deciding is None else race.deciding
        if race.deciding is not None:
            first = race.deciding
            await asyncio.wait([running[first]])  # its end is noted, and becomes durable
        if first is None:
            results = [branch.result() for branch in running]
            activation.strand.context = _merged(activation.strand.context, race.strands)
            activation.has_ended = any(ended for _, ended in results)
            return [output for output, _ in results]
        output, activation.has_ended = running[first].result()
        activation.strand.context = race.strands[first].context
        return output


class _Race:
    """Which branch decides, known in the turn in which its end is noted; from then on nothing starts in the
    others. Of a journal that was cut before the decision, the ends that it has decide."""

    __slots__ = ("_activation", "_compete", "_failed", "_places", "deciding", "strands")

    def __init__(self, activation: Activation, body: ForkBody, strands: list[Strand]) -> None:
        self._activation, self._compete, self.strands = activation, body.compete, strands
        self._places = {activation.position + task.step: at for at, task in enumerate(body.branches.tasks)}
        self._failed: set[int] = set()
        self.deciding: int | None = None
        for strand in strands:
            strand.on_end = self.ended
        settled = activation.noted("settled")
        if settled is not None:
            self._decide(settled.data["branch"])
            return
        recorder = activation.run.session.recorder
        ends = [end for place in self._places if (end := recorder.end(place)) is not None]
        for _, entry in sorted(ends, key=lambda end: end[0]):
            is_fault = entry.kind == "faulted" or (entry.kind == "closed" and bool(entry.data))
            self.ended(entry.position, is_fault)

    def ended(self, position: str, is_fault: bool) -> None:
        """Hear that a task has ended. A race goes on while branches fault: only when all have does the last
        fault decide. Without a race the first fault does."""
        at = self._places.get(position)
        if at is None or self.deciding is not None:
            return
        if is_fault:
            self._failed.add(at)
        is_last = len(self._failed) == len(self._places)
        if is_fault is not self._compete or (self._compete and is_last):
            self._decide(at)
            self._activation.note("settled", {"branch": at})

    def _decide(self, deciding: int) -> None:
        self.deciding = deciding
        _doom_others(self.strands, deciding)


def _doom_others(strands: list[Strand], deciding: int) -> None:
    """Nothing starts any more in the branches that did not decide."""
    for at, strand in enumerate(strands):
        if at != deciding:
            strand.doom = Doomed()


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
