"""The law of resuming: cut the journal anywhere, run again, and the execution ends as if never cut."""

from __future__ import annotations

from collections import Counter
from typing import Any

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from running import VirtualClock, a_workflow, journal_of, raising, run, server, setting

from caseway_runner import Entry, MemoryJournal, Outcome, Status
from caseway_runner.moments import moment


def effect(name: str, path: str) -> dict[str, Any]:
    call = {"method": "post", "endpoint": f"http://svc/{path}", "body": "${ . }"}
    return {name: {"call": "http", "with": call, "output": {"as": "{n: ($input.n // 0), got: .seen}"}}}


def named(tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give the tasks of a list distinct names."""
    return [{f"t{at}": next(iter(task.values()))} for at, task in enumerate(tasks)]


LEAVES = st.one_of(
    st.integers(0, 9).map(lambda n: setting("s", {"n": n})),
    st.just(setting("s", {"n": "${ (.n // 0) + 1 }", "now": "${ now | floor }"}, export={"as": "."})),
    st.just({"s": {"set": "${ {n: .n} }", "export": {"as": "$context + {k: .n}"}}}),
    st.sampled_from(["ok", "third", "down"]).map(lambda path: effect("e", path)),
    st.integers(1, 90).map(lambda n: {"w": {"wait": {"seconds": n}}}),
    st.just({"m": {"emit": {"event": {"with": {"source": "http://a/b", "type": "t", "data": "${ .n }"}}}}}),
    st.just(setting("s", {"n": 1}, **{"if": ".n == 1"})),
    st.just(raising("r", status=409)),
)


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
        lists.map(lambda tasks: {"l": {"do": tasks, "timeout": {"after": {"seconds": 60}}}}),
    )


TASKS = st.recursive(LEAVES, composites, max_leaves=8)
DOCUMENTS = st.lists(TASKS, min_size=1, max_size=4).map(lambda tasks: a_workflow(*named(tasks)))


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


def executed(document: dict[str, Any], journal: MemoryJournal) -> tuple[Outcome, Service]:
    service = Service()
    clock = VirtualClock()
    if journal.entries:
        clock.time = max(clock.time, *(moment(entry.at) for entry in journal.entries))
    return run(document, {"n": 0}, journal=journal, http_transport=server(service), clock=clock), service


def completed(entries: list[Entry]) -> Counter[str]:
    return Counter(entry.position for entry in entries if entry.kind in ("completed", "faulted"))


def statuses(outcome: Outcome) -> list[tuple[str, Status]]:
    return sorted((task.position, task.status) for task in outcome.tasks)


def without_times(value: Any) -> Any:
    """Values that depend on when the execution was resumed are no part of the law."""
    if isinstance(value, dict):
        return {key: without_times(item) for key, item in value.items() if key not in ("now", "time")}
    return [without_times(item) for item in value] if isinstance(value, list) else value


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(document=DOCUMENTS, data=st.data())
def test_an_execution_cut_at_any_entry_and_resumed_ends_the_same(document: Any, data: Any) -> None:
    whole = MemoryJournal()
    uncut, _ = executed(document, whole)
    at = data.draw(st.integers(0, len(whole.entries)))
    journal = journal_of(whole.entries[:at])
    known = completed(journal.entries)

    resumed, service = executed(document, journal)

    assert resumed.status is uncut.status
    assert without_times(resumed.output) == without_times(uncut.output)
    assert resumed.error == uncut.error
    assert statuses(resumed) == statuses(uncut)
    assert completed(journal.entries) == completed(whole.entries)
    assert not {key.removeprefix("run-1:") for key in service.keys} & set(known)
