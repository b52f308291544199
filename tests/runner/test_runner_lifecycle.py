"""Lifecycle events of workflows and tasks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from running import TimedMailbox, VirtualClock, a_workflow, raising, run, setting

from caseway_runner import EventLog, MemoryJournal, Status


def told(log: EventLog) -> list[tuple[str, str]]:
    kinds = [str(event["type"]).removeprefix("io.serverlessworkflow.") for event in log.events]
    return [(kind, event["data"].get("task", "")) for kind, event in zip(kinds, log.events, strict=True)]


def test_a_workflow_and_its_tasks_are_told_in_order() -> None:
    log = EventLog()
    assert run(a_workflow(setting("a", {"n": 1})), lifecycle=log).output == {"n": 1}
    assert told(log) == [
        ("workflow.started.v1", ""),
        ("task.created.v1", "/do/0/a"),
        ("task.started.v1", "/do/0/a"),
        ("task.completed.v1", "/do/0/a"),
        ("workflow.completed.v1", ""),
    ]
    assert log.events[0]["data"]["definition"] == {
        "namespace": "tests",
        "name": "example",
        "version": "1.0.0",
    }
    assert log.events[-1]["data"]["output"] == {"n": 1}


def test_a_listen_tells_that_events_are_correlated_and_when_they_were() -> None:
    log, clock = EventLog(), VirtualClock()
    event = {"specversion": "1.0", "id": "1", "source": "http://s", "type": "a", "data": 1}
    document = a_workflow({"l": {"listen": {"to": {"one": {"with": {"type": "a"}}}}}})
    run(document, lifecycle=log, clock=clock, mailbox=TimedMailbox(clock, [(60.0, event)]))
    kinds = [kind for kind, task in told(log) if not task]
    words = ("started", "correlation-started", "correlation-completed", "completed")
    assert kinds == [f"workflow.{word}.v1" for word in words]


def test_a_fault_is_told_with_its_error() -> None:
    log = EventLog()
    run(a_workflow(raising("r", status=418)), lifecycle=log)
    assert [kind for kind, _ in told(log)][-2:] == ["task.faulted.v1", "workflow.faulted.v1"]
    assert log.events[-1]["data"]["error"]["status"] == 418


def test_sleep_and_waking_are_told_as_suspended_and_resumed_with_ids_of_their_own() -> None:
    log, journal = EventLog(), MemoryJournal()
    document = a_workflow({"w": {"wait": {"hours": 1}}})
    run(document, lifecycle=log, journal=journal, can_sleep=True)
    assert told(log)[-1][0] == "workflow.suspended.v1"
    later = VirtualClock()
    later.time = later.time.replace(hour=1)
    run(document, lifecycle=log, journal=journal, can_sleep=True, clock=later)
    kinds = [kind for kind, task in told(log) if not task]
    assert kinds == ["workflow." + kind + ".v1" for kind in ("started", "suspended", "resumed", "completed")]
    starts = [event["id"] for event in log.events if event["type"].endswith("task.started.v1")]
    assert len(starts) == 2
    assert len(set(starts)) == 1


def test_a_listener_that_fails_changes_nothing() -> None:
    class Broken:
        async def publish(self, event: Mapping[str, Any]) -> None:
            raise OSError(event["type"])

    assert run(a_workflow(setting("a", {"n": 1})), lifecycle=Broken()).status is Status.COMPLETED
