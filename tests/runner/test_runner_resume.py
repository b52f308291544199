"""The law of resuming: cut the journal anywhere, run again, and the execution ends as if never cut."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from running import TimedMailbox, VirtualClock, a_workflow, journal_of, raising, run, server, setting

from caseway_runner import Entry, MemoryJournal, Outcome, Status
from caseway_runner.moments import moment


def effect(name: str, path: str) -> dict[str, Any]:
    call = {"method": "post", "endpoint": f"http://svc/{path}", "body": "${ . }"}
    return {name: {"call": "http", "with": call, "output": {"as": "{n: ($input.n // 0), got: .seen}"}}}


def named(tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give the tasks of a list distinct names."""
    return [{f"t{at}": next(iter(task.values()))} for at, task in enumerate(tasks)]


A, B = ({"with": {"source": "http://s", "type": kind}} for kind in "ab")
EVENTS = [
    (at * 11.0, {"id": str(at), "source": "http://s", "type": kind, "data": {"n": at}})
    for at, kind in enumerate("abcaabbabbccabab")
]

LEAVES = st.one_of(
    st.integers(0, 9).map(lambda n: setting("s", {"n": n})),
    st.just(setting("s", {"n": "${ (.n // 0) + 1 }", "now": "${ now | floor }"}, export={"as": "."})),
    st.just({"s": {"set": "${ {n: .n} }", "export": {"as": "$context + {k: .n}"}}}),
    st.sampled_from(["ok", "third", "down"]).map(lambda path: effect("e", path)),
    st.integers(1, 90).map(lambda n: {"w": {"wait": {"seconds": n}}}),
    st.sampled_from(
        [{"one": A}, {"all": [A, B]}, {"any": [A], "until": {"one": B}}, {"any": [], "until": "length > 1"}]
    ).map(lambda to: {"h": {"listen": {"to": to}, "timeout": {"after": {"seconds": 200}}}}),
    st.just(
        {
            "h": {
                "listen": {"to": {"any": [A], "until": {"one": B}}},
                "timeout": {"after": {"seconds": 300}},
                "foreach": {"do": [effect("e", "ok")]},
            }
        }
    ),
    st.just({"m": {"emit": {"event": {"with": {"source": "http://a/b", "type": "t", "data": "${ .n }"}}}}}),
    st.just(setting("s", {"n": 1}, **{"if": ".n == 1"})),
    st.just(raising("r", status=409)),
    st.sampled_from(["many", "one"]).map(lambda name: {"c": {"call": name, "with": {"n": "${ .n }"}}}),
    st.just({"x": {"run": {"workflow": {"namespace": "tests", "name": "child", "version": "1.0.0"}}}}),
)
USE = {
    "functions": {
        "one": effect("f", "ok")["f"],
        "many": {"do": [effect("f", "third"), setting("g", {"n": "${ .n + 1 }"})]},
    }
}
CHILD = a_workflow(effect("f", "ok"), {"w": {"wait": {"seconds": 7}}}, effect("g", "third"), name="child")


def composites(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    lists = st.lists(inner, min_size=1, max_size=3).map(named)
    retry = {"delay": {"seconds": 2}, "backoff": {"exponential": {}}, "limit": {"attempt": {"count": 2}}}
    jitter = {"from": {"seconds": 1}, "to": {"seconds": 5}}
    caught = st.fixed_dictionaries(
        {}, optional={"retry": st.sampled_from([retry, retry | {"jitter": jitter}]), "do": lists}
    )
    return st.one_of(
        lists.map(lambda tasks: {"d": {"do": tasks}}),
        lists.map(lambda tasks: {"f": {"for": {"in": "[1, 2, 3]"}, "while": "$index < 2", "do": tasks}}),
        st.builds(lambda tasks, catch: {"y": {"try": tasks, "catch": catch}}, lists, caught),
        lists.map(lambda tasks: {"k": {"fork": {"branches": tasks}}}),
        lists.map(
            lambda tasks: {"q": {"fork": {"compete": True, "branches": [*tasks, setting("won", {"n": 5})]}}}
        ),
        lists.map(lambda tasks: {"l": {"do": tasks, "timeout": {"after": {"seconds": 60}}}}),
    )


TASKS = st.recursive(LEAVES, composites, max_leaves=8)
DOCUMENTS = st.lists(TASKS, min_size=1, max_size=4).map(lambda tasks: a_workflow(*named(tasks), use=USE))


RACE = ("/do/0/k", "settled")


class Service:
    """Answers by path and idempotency key alone, and remembers the keys of requests."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        key = request.headers["idempotency-key"]
        self.keys.append(key)
        if request.url.path == "/down" or (request.url.path == "/third" and "@3" not in key):
            return httpx.Response(503)
        return httpx.Response(200, json={"seen": request.url.path})


def executed(
    document: dict[str, Any], journal: MemoryJournal, time: datetime | None = None, **ports: Any
) -> tuple[Outcome, Service]:
    service = Service()
    clock = VirtualClock()
    if journal.entries:
        clock.time = max(clock.time, time or clock.time, *(moment(entry.at) for entry in journal.entries))
    outcome = run(
        document,
        {"n": 0},
        journal=journal,
        http_transport=server(service),
        clock=clock,
        workflows=lambda *_: CHILD,
        mailbox=TimedMailbox(clock, EVENTS),
        **ports,
    )
    return outcome, service


def completed(entries: list[Entry]) -> Counter[str]:
    return Counter(entry.position for entry in entries if entry.kind in ("completed", "faulted"))


def statuses(outcome: Outcome) -> list[tuple[str, Status]]:
    return sorted((task.position, task.status) for task in outcome.tasks)


def without_times(value: Any) -> Any:
    """Values that depend on when the execution was resumed are no part of the law."""
    if isinstance(value, dict):
        return {key: without_times(item) for key, item in value.items() if key not in ("now", "time")}
    return [without_times(item) for item in value] if isinstance(value, list) else value


def is_undecided(entries: list[Entry], cut: int) -> bool:
    """Whether branches of a fork raced and the cut comes before the end of the one that decided, which the
    decision follows at once: then the race goes on."""
    return any(entry.kind == "settled" for entry in entries[cut + 1 :])


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(document=DOCUMENTS, data=st.data())
def test_an_execution_cut_at_any_entry_and_resumed_ends_the_same(document: Any, data: Any) -> None:
    whole = MemoryJournal()
    uncut, _ = executed(document, whole)
    at = data.draw(st.integers(0, len(whole.entries)))
    journal = journal_of(whole.entries[:at])
    known = completed(journal.entries)

    resumed, service = executed(document, journal)

    assert not {key.removeprefix("run-1:") for key in service.keys} & set(known)
    assert known <= completed(journal.entries)
    if is_undecided(whole.entries, at):
        return
    assert resumed.status is uncut.status
    assert without_times(resumed.output) == without_times(uncut.output)
    assert resumed.error == uncut.error
    assert statuses(resumed) == statuses(uncut)
    assert completed(journal.entries) == completed(whole.entries)


FORKS = st.builds(
    lambda tasks, compete: {"k": {"fork": {"compete": compete, "branches": named(tasks)}}},
    st.lists(TASKS, min_size=2, max_size=4),
    st.booleans(),
)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(fork=FORKS)
def test_a_race_that_an_end_decided_stays_decided_wherever_the_journal_is_cut(fork: Any) -> None:
    document, whole = a_workflow(fork, effect("after", "ok"), use=USE), MemoryJournal()
    uncut, _ = executed(document, whole)
    decided = [at for at, entry in enumerate(whole.entries) if (entry.position, entry.kind) == RACE]
    assert len(decided) <= 1
    for at in decided:
        assert whole.entries[at - 1].kind in ("completed", "faulted", "closed", "skipped")
        for cut in range(at, len(whole.entries) + 1):
            resumed, _ = executed(document, journal_of(whole.entries[:cut]))
            if is_undecided(whole.entries, cut):
                continue
            assert (resumed.status, resumed.error) == (uncut.status, uncut.error)
            assert without_times(resumed.output) == without_times(uncut.output)
            assert statuses(resumed) == statuses(uncut)


def test_what_had_ended_in_a_fork_within_the_branch_that_lost_has_ended_when_resumed() -> None:
    done = {"d": {"fork": {"branches": [setting("s", {"n": 1})]}}}
    slow, slower = ({name: {"wait": {"seconds": seconds}}} for name, seconds in (("w", 5), ("x", 50)))
    inner = {"i": {"fork": {"branches": [{"l": {"do": [slower]}}, done]}}}
    whole = MemoryJournal()
    document = a_workflow({"k": {"fork": {"compete": True, "branches": [slow, inner]}}})
    uncut, _ = executed(document, whole)
    [decided] = [at for at, entry in enumerate(whole.entries) if (entry.position, entry.kind) == RACE]
    for cut in range(decided, len(whole.entries) + 1):
        resumed, _ = executed(document, journal_of(whole.entries[:cut]))
        assert statuses(resumed) == statuses(uncut)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(document=DOCUMENTS)
def test_an_execution_that_sleeps_in_the_store_ends_as_if_it_had_stayed_awake(document: Any) -> None:
    whole, slept = MemoryJournal(), MemoryJournal()
    awake, _ = executed(document, whole)
    outcome, _ = executed(document, slept, can_sleep=True)
    for _ in range(200):
        if outcome.waiting is None:
            break
        moments = [moment(entry.at) for entry in slept.entries]
        start = VirtualClock().time
        comes = [start + timedelta(seconds=at) for at, _ in EVENTS[outcome.waiting.seen :]]
        if not outcome.waiting.filters:
            comes = []
        until = min([*comes[:1], *([outcome.waiting.until] if outcome.waiting.until else [])], default=None)
        if until is None:
            return  # it listens for what never comes, as the one that stayed awake does
        outcome, _ = executed(document, slept, time=max(until, *moments), can_sleep=True)
    assert outcome.status is awake.status
    if any(entry.kind == "settled" for entry in whole.entries):
        return
    assert without_times(outcome.output) == without_times(awake.output)
    assert statuses(outcome) == statuses(awake)
    assert completed(slept.entries) == completed(whole.entries)


def test_an_in_flight_effect_runs_again_with_the_same_key() -> None:
    whole = MemoryJournal()
    document = a_workflow(effect("a", "ok"), effect("b", "ok"))
    executed(document, whole)
    last = max(at for at, entry in enumerate(whole.entries) if entry.kind == "completed")
    _, service = executed(document, journal_of(whole.entries[:last]))
    assert service.keys == ["run-1:/do/1/b"]


def test_a_resumed_wait_lasts_only_what_is_left() -> None:
    document, journal, clock = a_workflow({"w": {"wait": {"seconds": 100}}}), MemoryJournal(), VirtualClock()
    run(document, journal=journal, clock=clock)
    cut = [entry for entry in journal.entries if entry.kind != "completed"]
    later = VirtualClock()
    later.time += timedelta(seconds=70)
    run(document, journal=journal_of(cut), clock=later)
    assert later.slept == [30.0]


def test_effects_are_durable_one_commit_each_and_pure_tasks_join_them() -> None:
    appended: list[list[str]] = []

    class Watched(MemoryJournal):
        async def append(self, entries: Any) -> None:
            appended.append([entry.kind for entry in entries])
            await super().append(entries)

    tasks = [setting("s1", {"n": 1}), setting("s2", {"n": 2}), effect("a", "ok"), effect("b", "ok")]
    executed(a_workflow(*tasks), Watched())
    assert appended == [
        ["started", "completed", "completed", "completed"],
        ["completed"],
    ]


KILLED = """
import asyncio, os, sys
from pathlib import Path
from caseway_runner import *
from caseway_runner.journal_file import FileJournal

log = Path(sys.argv[2])
def stub(call):
    with log.open("a") as file:
        file.write(call.name + "\\n")
    if call.name == "e2" and log.read_text().count("e2") == 1:
        os.kill(os.getpid(), 9)
    return StubAnswer(output=call.name)

call = {"call": "http", "with": {"method": "post", "endpoint": "http://x/"}}
document = {
    "document": {"dsl": "1.0.3", "namespace": "t", "name": "t", "version": "1.0.0"},
    "do": [{f"e{n}": call} for n in range(5)],
}
ports = Ports(journal=FileJournal(Path(sys.argv[1])), stub=stub)
print(asyncio.run(execute(compile_workflow(document), None, Execution("x"), ports)).status)
"""


def test_a_killed_process_repeats_only_what_was_in_flight(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path / "journal"), str(tmp_path / "log")]
    assert subprocess.run(command, check=False).returncode == -9
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout == "completed\n"
    assert (tmp_path / "log").read_text().split() == ["e0", "e1", "e2", "e2", "e3", "e4"]
