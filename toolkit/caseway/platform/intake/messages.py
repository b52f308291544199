"""What becomes of messages that were taken from a queue.

Rule: a message is let go of only after its execution, or the notice that it has none, is in the store."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from caseway.model.canonical import Json
from caseway.model.errors import CasewayError
from caseway.platform import attempts, credentials, inbox, lease
from caseway.platform.bundle import Platform
from caseway.platform.creation import NewExecution, insert
from caseway.platform.intake import failing
from caseway.platform.intake.watched import Watched, change
from caseway.platform.masking import masker, strings_of
from caseway.platform.tables import executions
from caseway.platform.triggers.doors import validator_of
from caseway.platform.triggers.entrance import own_schema

SET_ASIDE = "dev.caseway.message.set-aside"
STOPPING = frozenset(
    {"lease-lost", "not-active", "not-deployed", "not-found"}
)  # it is not the message's fault
LONGEST = 64_000  # characters of a message that its notice repeats
_LONGEST_ID = 200
_BUSY = ("pending", "running")


@dataclass(frozen=True, slots=True)
class Letter:
    """A message as it was read. `id` is what identifies it, "" when nothing does; `problem` why it cannot be
    an input, "" when it can; `text` what it says, for the notice."""

    id: str
    input: Json
    problem: str
    text: str


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a letter. `is_over` says that the broker may forget it; else it is tried again."""

    is_over: bool
    execution: str = ""
    attempt: int = 0
    problem: str = ""


def schema_of(platform: Platform, watched: Watched) -> Any:
    """What judges the inputs of the workflow that the queue starts; None when anything will do."""
    with platform.database.reading() as connection:
        serving = attempts.current(connection, watched.instance_id)
        rows = attempts.workflows_of(connection, serving.id) if serving is not None else ()
        found = next((row for row in rows if row.workflow == watched.workflow), None)
        return None if found is None else validator_of(own_schema(connection, found.digest))


def under_way(platform: Platform, watched: Watched) -> int:
    """How many executions of the queue are pending or running."""
    query = sa.select(sa.func.count()).where(
        executions.c.instance_id == watched.instance_id,
        executions.c.workflow == watched.workflow,
        executions.c.trigger == "queue",
        executions.c.trigger_id == watched.trigger_id,
        executions.c.status.in_(_BUSY),
    )
    with platform.database.reading() as connection:
        return int(connection.scalar(query) or 0)


def take(platform: Platform, held: lease.Lease, watched: Watched, letters: Sequence[Letter]) -> list[Fate]:
    """Store the executions of the letters, and what became of each, in their order.

    Raises `CasewayError` of a code in `STOPPING`: then nothing was stored."""
    now = platform.clock()
    fates: list[Fate] = []
    with platform.database.writing() as connection:

        def changed(state: dict[str, Any]) -> dict[str, Any]:
            tries: dict[str, Any] = dict(state.get("tries") or {})
            for letter in letters:
                fates.append(_fate(connection, platform, watched, letter, tries))
            told = {**failing.succeeded(state, now), "tries": tries}
            return {"state": {key: value for key, value in told.items() if value != {}}, "last_at": now}

        change(connection, held, watched, now, changed)
    platform.bell.ring([fate.execution for fate in fates if fate.execution])
    return fates


def set_aside(platform: Platform, held: lease.Lease, watched: Watched, letter: Letter, problem: str) -> None:
    """Give a letter up: an event tells of it, of what it says (but for secrets of the instance), and of the
    problem with it.

    Raises `CasewayError`: `lease-lost`, `not-active`."""
    now = platform.clock()
    name = _name(letter)
    known = credentials.values_for(platform, watched.instance_id)
    hide = masker(text for value in known.values() for text in strings_of(value))
    told = replace(letter, id=hide(letter.id), text=hide(letter.text))
    notice = _notice(watched, told, hide(problem))
    inbox.deliver(platform, watched.organization, notice, actor="caseway")

    def changed(state: dict[str, Any]) -> dict[str, Any]:
        tries = {key: value for key, value in (state.get("tries") or {}).items() if key != name}
        rest = {key: value for key, value in state.items() if key != "tries"}
        more = {"tries": tries} if tries else {}
        return {"state": {**rest, **more, "setAside": int(state.get("setAside") or 0) + 1}}

    with platform.database.writing() as connection:
        change(connection, held, watched, now, changed)


def fail(platform: Platform, held: lease.Lease, watched: Watched, error: str) -> int:
    """Store that the broker cannot be had; how often in a row that was so."""
    now = platform.clock()
    count = 0
    with platform.database.writing() as connection:

        def changed(state: dict[str, Any]) -> dict[str, Any]:
            nonlocal count
            told = failing.failed(state, error, now)
            count = failing.failures(told)
            return {"state": told}

        change(connection, held, watched, now, changed)
    return count


def opened(platform: Platform, held: lease.Lease, watched: Watched) -> None:
    """Store that the broker can be had."""
    now = platform.clock()
    with platform.database.writing() as connection:
        change(connection, held, watched, now, lambda state: {"state": failing.succeeded(state, now)})


def _fate(
    connection: sa.Connection, platform: Platform, watched: Watched, letter: Letter, tries: dict[str, Any]
) -> Fate:
    problem = letter.problem
    if not problem:
        try:
            made = _start(connection, platform, watched, letter)
        except CasewayError as error:
            if error.code in STOPPING:
                raise
            problem = error.message
        else:
            tries.pop(_name(letter), None)
            return Fate(True, made)
    count = int((tries.get(_name(letter)) or {}).get("count") or 0) + 1
    tries[_name(letter)] = {"count": count, "error": problem[: failing.LONGEST]}
    return Fate(False, attempt=count, problem=problem)


def _start(connection: sa.Connection, platform: Platform, watched: Watched, letter: Letter) -> str:
    new = NewExecution(
        organization=watched.organization,
        instance=watched.instance,
        workflow=watched.workflow,
        input=letter.input,
        trigger="queue",
        trigger_id=watched.trigger_id,
        actor="queue",
        idempotency_key=watched.execution_key(_short(letter.id)) if letter.id else "",
    )
    return insert(connection, platform, new, platform.ids())


def _short(text: str) -> str:
    """A message's id as it is, unless it is long."""
    return text if len(text) <= _LONGEST_ID else hashlib.sha256(text.encode()).hexdigest()


def _name(letter: Letter) -> str:
    """Under what a letter's tries are counted: its id, or what it says."""
    return _short(letter.id) if letter.id else "~" + hashlib.sha256(letter.text.encode()).hexdigest()


def _notice(watched: Watched, letter: Letter, problem: str) -> Mapping[str, Any]:
    about = {
        "notice": SET_ASIDE,
        "instance": watched.instance,
        "workflow": watched.workflow,
        "trigger": watched.trigger_id,
        "message": letter.text[:LONGEST],
        "id": letter.id,
        "error": problem,
    }
    what = hashlib.sha256(
        ":".join([watched.workflow, watched.trigger_id, _name(letter)]).encode()
    ).hexdigest()
    return {"id": f"message.set-aside:{what}", "source": watched.source, "type": SET_ASIDE, "data": about}
