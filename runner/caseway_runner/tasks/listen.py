"""`listen`: waits for events, and gives all it consumed, in order. Each is in the journal before it counts.

Rule: a resumed `listen` takes what the journal has, in the same order, and only then asks the mailbox."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from caseway_runner.activation import Activation
from caseway_runner.consumption import (
    Progress,
    Strategy,
    Taken,
    compile_strategy,
    is_satisfied,
    offered,
    take,
    wanted,
)
from caseway_runner.iteration import Iteration, compile_iteration
from caseway_runner.mail import consume, is_free
from caseway_runner.ports import Arrival
from caseway_runner.scope import Scope

KEYS = frozenset({"listen", "foreach"})
_READS = ("data", "envelope", "raw")


@dataclass(frozen=True, slots=True)
class ListenBody:
    """What to consume, what of it to read, and what to do with each."""

    strategy: Strategy
    read: str
    iteration: Iteration | None
    nature: str

    async def run(self, activation: Activation) -> Any:
        """What was read of all consumed events, in the order they were consumed."""
        arguments = {"filters": wanted(self.strategy, Progress()), "read": self.read}
        is_stubbed, answer = activation.stubbed("listen", arguments)
        if is_stubbed:
            return answer
        progress, seen = Progress(), 0
        count = 0
        consumed: list[Any] = []
        results: list[Any] = []
        while not is_satisfied(self.strategy, progress):
            known = self._recorded(activation, count)
            arrival, taken = known or await self._next(activation, progress, seen, count)
            seen, count = arrival.number, count + 1
            take(progress, taken)
            if taken.ends:
                continue
            consumed.append(_read(arrival.event, self.read))
            results.append(await self._result(activation, consumed[-1], len(results)))
            if activation.has_ended or await self._is_enough(activation, consumed):
                break
        return results

    def _recorded(self, activation: Activation, at: int) -> tuple[Arrival, Taken] | None:
        entry = activation.noted("received", suffix=f"&{at}")
        if entry is None:
            return None
        data = entry.data
        return Arrival(data["number"], data["event"]), Taken(data["filter"], data["ends"], data["keys"])

    async def _next(
        self, activation: Activation, progress: Progress, seen: int, at: int
    ) -> tuple[Arrival, Taken]:
        session = activation.run.session
        while True:
            for arrival in await session.mailbox.after(seen):
                seen = arrival.number
                if not is_free(session, seen, activation.position):
                    continue
                taken = await offered(self.strategy, activation, arrival.event, progress)
                if activation.strand.doom is not None:
                    raise activation.strand.doom  # a replay of what was cut off: the event is others' to take
                if taken is not None:
                    await self._keep(activation, arrival, taken, at)
                    return arrival, taken
            if activation.is_waiting is not None:
                activation.is_waiting(True)
            await activation.event_after(seen, wanted(self.strategy, progress))
            if activation.is_waiting is not None:
                activation.is_waiting(False)

    async def _keep(self, activation: Activation, arrival: Arrival, taken: Taken, at: int) -> None:
        consume(activation.run.session, arrival.number, activation.position)
        data = {
            "number": arrival.number,
            "event": dict(arrival.event),
            "filter": taken.at,
            "ends": taken.ends,
            "keys": dict(taken.keys),
        }
        activation.note("received", data, suffix=f"&{at}")
        await activation.flush()

    async def _result(self, activation: Activation, value: Any, index: int) -> Any:
        return value if self.iteration is None else await self.iteration.run(activation, value, index)

    async def _is_enough(self, activation: Activation, consumed: list[Any]) -> bool:
        until = self.strategy.until
        if until is None or isinstance(until, Strategy):
            return False
        found = await activation.evaluate_on(until, consumed)
        return found is not None and found is not False


def _read(event: Mapping[str, Any], how: str) -> Any:
    if how == "envelope":
        return event
    data = event.get("data", event.get("data_base64"))
    if how == "data" or isinstance(data, str):
        return data
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False)


def compile_body(source: Mapping[str, Any], scope: Scope) -> ListenBody | None:
    """`listen.to`, `listen.read` and `foreach`."""
    place = scope.at("listen")
    fields = place.mapping(source["listen"], {"to", "read"}, ("to",))
    iteration = None
    if "foreach" in source:
        iteration = compile_iteration(source["foreach"], scope.at("foreach"), "/foreach")
    if fields is None:
        return None
    strategy = compile_strategy(fields["to"], place.at("to"))
    read = place.choice(fields, "read", _READS)
    if strategy is None or ("foreach" in source and iteration is None):
        return None
    has_tasks = iteration is not None and iteration.tasks is not None
    return ListenBody(strategy, read, iteration, "composite" if has_tasks else "effect")
