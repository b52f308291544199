"""Where to call and when it fires: said by plan, apply, instance get and status."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from caseway.cli.instance_text import trigger_text
from caseway.cli.plan_schedules import schedule_lines, source_lines
from chaos.store_builders import a_platform, a_repo, a_use_case, a_workflow, planned

USE_CASE = """
apiVersion: caseway/v1
kind: UseCase
metadata: {name: hello}
spec:
  title: Hello
  workflows:
    - id: hello
      file: workflows/hello.yaml
      response: sync
      triggers:
        - {id: http, type: http, path: /greet, methods: [POST, PUT]}
        - {id: nightly, type: schedule, cron: "0 2 * * *", timezone: Europe/Berlin}
"""
WORKFLOW = """
document: {dsl: "1.0.3", namespace: demo, name: hello, version: "1.0.0"}
do:
  - greet: {set: {hello: world}}
"""


@pytest.fixture
def told(caseway: Any, project: Path) -> str:
    """What apply said about the project with these triggers."""
    (project / "use-cases/hello/usecase.yaml").write_text(USE_CASE)
    for test in (project / "use-cases/hello/tests").iterdir():
        test.unlink()
    (project / "use-cases/hello/workflows/hello.yaml").write_text(WORKFLOW)
    said = caseway("apply", "--yes")
    assert said.code == 0, said.err
    return str(said.err)


def test_apply_says_where_to_call_and_with_what(told: str) -> None:
    (line,) = [line for line in told.splitlines() if "/hooks/" in line]
    assert line.split()[0] == "POST,PUT"
    assert line.endswith("/greet  X-API-Key")


def test_an_instance_shows_its_addresses_and_firings(told: str, caseway: Any) -> None:
    shown = caseway("instance", "get", "hello").out
    assert "http POST,PUT" in shown and "(X-API-Key, sync)" in shown
    assert shown.count("T01:00:00Z") + shown.count("T00:00:00Z") == 5
    facts = caseway("instance", "get", "hello", "--format", "json").json
    http, nightly = facts["workflows"][0]["triggers"]
    assert (http["authentication"], http["methods"], http["response"]) == (
        "X-API-Key",
        ["POST", "PUT"],
        "sync",
    )
    assert len(nightly["upcoming"]) == 5 and nightly["nextAt"] == nightly["upcoming"][0]


def test_status_lists_what_can_be_called_and_what_fires_next(told: str, caseway: Any) -> None:
    shown = caseway("status").out
    assert "TRIGGER OF" in shown and "/greet" in shown and "X-API-Key" in shown
    assert len(caseway("status", "--format", "json").json["schedules"][0]["upcoming"]) == 5


def test_a_plan_shows_the_next_five_firings_by_the_clock_there(tmp_path: Path) -> None:
    nightly = {"id": "nightly", "type": "schedule", "cron": "30 2 * * *", "timezone": "Europe/Berlin"}
    open_one = {"id": "later", "type": "schedule", "cron": "$[[ params.cron ]]"}
    case = a_use_case(workflows=[a_workflow(triggers=[nightly, open_one])])
    with a_platform(f"sqlite:///{tmp_path}/state.db") as platform:
        lines = list(schedule_lines(planned(platform, a_repo(case)), datetime(2026, 3, 28, tzinfo=UTC)))
    assert lines[0].endswith("main nightly (30 2 * * * Europe/Berlin)")
    assert (
        lines[1].strip().startswith("Sat 28 Mar 02:30:00 +0100, Sun 29 Mar 03:00:00 +0200, Mon 30 Mar 02:30")
    )
    assert len(lines) == 2


FETCHING = """
        - {id: orders, type: queue, connection: broker, stream: orders, key: "${ .payload.id }"}
        - id: tickets
          type: poll
          every: 5m
          request: {endpoint: "https://desk.example/tickets"}
          items: "${ .tickets[] }"
          key: "${ .id }"
"""
BROKER = """
apiVersion: caseway/v1
kind: Connection
metadata: {name: broker}
spec: {type: redis, url: "redis://broker.example:6379"}
"""


def test_queues_and_polls_are_in_the_plan_and_in_the_instance(caseway: Any, project: Path) -> None:
    use_case = USE_CASE.replace("  workflows:", "  connections: [broker]\n  workflows:")
    (project / "use-cases/hello/usecase.yaml").write_text(use_case.rstrip() + FETCHING)
    for test in (project / "use-cases/hello/tests").iterdir():
        test.unlink()
    (project / "use-cases/hello/workflows/hello.yaml").write_text(WORKFLOW)
    (project / "connections").mkdir(exist_ok=True)
    (project / "connections/broker.yaml").write_text(BROKER)
    queue = "queue stream orders of broker, key ${ .payload.id }"
    poll = "poll GET https://desk.example/tickets every 5m, key ${ .id }"

    planned_text = caseway("plan").out
    assert f"hello@1.0.0: hello orders: {queue}" in planned_text
    assert f"hello@1.0.0: hello tickets: {poll}" in planned_text
    assert caseway("apply", "--yes").code == 0
    shown = caseway("instance", "get", "hello").out
    assert queue in shown and f"{poll}, next 20" in shown


def test_no_source_is_said_where_there_is_none(tmp_path: Path) -> None:
    with a_platform(f"sqlite:///{tmp_path / 'state.db'}") as platform:
        assert list(source_lines(planned(platform, a_repo(a_use_case())))) == []


@pytest.mark.parametrize(
    ("on", "said"),
    [
        ({"all": [{"with": {"type": "a"}}, {"with": {"type": "b"}}]}, "event gathers all type=a, type=b"),
        (
            {"any": [{"with": {"type": "a"}}], "until": "length > 2"},
            "event gathers any type=a until length > 2",
        ),
        ({"any": [], "until": {"one": {"with": {"type": "b"}}}}, "event gathers any event until one type=b"),
    ],
)
def test_a_start_that_gathers_events_says_what_it_waits_for(on, said):
    assert trigger_text({"id": "on", "type": "event", "on": on, "mode": "strict"}) == said
