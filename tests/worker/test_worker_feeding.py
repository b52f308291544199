"""Events in WorkflowTests: they come at their moments, and who waits in vain is told so."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import yaml

from caseway.worker.local import LocalWorkflow
from caseway.worker.suite import Case, Result, run_case
from caseway_runner import Policy

PAID = "{with: {type: com.acme.paid}}"
ONE = f"do:\n  - pay:\n      listen: {{to: {{one: {PAID}}}}}\n"
UNTIL = """
do:
  - pay:
      listen: {to: {any: [{with: {type: com.acme.paid}}], until: {one: {with: {type: com.acme.done}}}}}
  - sum:
      set: "${ {paid: [.[].amount] | add} }"
"""
TIMES = """
do:
  - pay:
      listen: {to: {one: {with: {type: com.acme.paid}}}, read: envelope}
  - when:
      set: "${ {time: .[0].time, id: .[0].id, source: .[0].source} }"
"""
LATE = ONE.replace("do:", "do:\n  - nap:\n      wait: {days: 2}")
SELF = f"""
do:
  - both:
      fork:
        branches:
          - hear: {{listen: {{to: {{one: {PAID}}}}}}}
          - say:
              do:
                - nap: {{wait: {{hours: 1}}}}
                - tell: {{emit: {{event: {{with: {{source: "urn:me", type: com.acme.paid}}}}}}}}
"""


def result(document: str, **spec: Any) -> Result:
    head = {"document": {"dsl": "1.0.3", "namespace": "demo", "name": "main", "version": "1.0.0"}}
    local = LocalWorkflow(Path("main.yaml"), {**head, **yaml.safe_load(document)})
    case = Case("a-test", "demo", "main", "test.yaml:1", {"expect": {}, **spec}, local)
    return asyncio.run(run_case(case, Policy()))


def paid(amount: int, **more: Any) -> dict[str, Any]:
    return {"type": "com.acme.paid", "data": {"amount": amount}, **more}


def test_an_event_that_is_there_from_the_beginning_is_taken() -> None:
    assert result(ONE, events=[paid(7)], expect={"output": [{"amount": 7}]}).failures == ()


def test_events_come_in_the_order_of_their_moments() -> None:
    done = {"type": "com.acme.done", "after": "4d"}
    events = [paid(1, after="5d"), done, paid(40, after="3d"), paid(50, after="2h")]
    assert result(UNTIL, events=events, expect={"output": {"paid": 90}}).failures == ()


def test_an_event_knows_when_it_came() -> None:
    expected = {"time": "2026-03-01T10:00:00+00:00", "id": "event-1", "source": "urn:caseway:test"}
    done = result(
        TIMES, clock="2026-03-01T08:00:00Z", events=[paid(1, after="2h")], expect={"output": expected}
    )
    assert done.failures == ()


def test_an_event_that_came_while_nobody_listened_is_there_still() -> None:
    assert result(LATE, events=[paid(7, after="1h")], expect={"output": [{"amount": 7}]}).failures == ()


def test_what_the_workflow_emits_comes_back_to_it() -> None:
    outcome = result(SELF).outcome
    assert outcome is not None and outcome.status == "completed"


@pytest.mark.parametrize("events", [[], [{"type": "com.acme.other", "after": "1h"}]])
def test_who_waits_in_vain_is_told_so(events: list[dict[str, Any]]) -> None:
    (failure,) = result(ONE, events=events).failures
    assert (failure.expected, failure.actual) == ("completed", "waiting")
    assert "does not come" in failure.difference[0]


def test_to_wait_in_vain_may_be_what_is_expected() -> None:
    assert result(ONE, expect={"status": "waiting"}).failures == ()


TELLS = """
do:
  - hear: {listen: {to: {one: {with: {type: com.acme.paid}}}}}
  - tell: {emit: {event: {with: {source: "urn:me", type: com.acme.told, data: {n: 1, more: [2]}}}}}
  - child: {emit: {event: {with: {source: "urn:me", type: com.acme.done}}}}
"""


@pytest.mark.parametrize(
    ("expected", "is_met"),
    [
        ([{"type": "com.acme.told", "data": {"n": 1}}, {"type": "com.acme.done", "source": "urn:me"}], True),
        ([{"type": "com.acme.told"}], False),
        ([{"type": "com.acme.done"}, {"type": "com.acme.told"}], False),
        ([{"type": "com.acme.told", "data": {"n": 2}}, {"type": "com.acme.done"}], False),
        ([], False),
    ],
)
def test_the_emitted_events_are_expected_in_order_and_without_those_that_were_given(
    expected: Any, is_met: bool
) -> None:
    told = result(TELLS, events=[paid(7)], expect={"events": expected})
    assert (told.failures == ()) == is_met
    if not is_met:
        [failure] = told.failures
        assert failure.what == "emitted events" and failure.difference


def test_nothing_emitted_is_an_empty_list() -> None:
    assert result(ONE, events=[paid(7)], expect={"events": []}).failures == ()
