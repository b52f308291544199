"""Connections reach an execution at its start: those its workflow uses, with secrets as they are now."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caseway.platform import credentials, executions
from caseway.platform.compose import Platform
from caseway.platform.executions import NewExecution
from caseway.platform.journal import JournalWriter
from caseway.platform.telemetry import look
from caseway.platform.views import get_instance
from caseway.worker.connections import names_used, services, uses_connections
from caseway.worker.run import Worker, claim, run_claimed
from caseway_runner import Outcome, Policy, Status
from chaos.store_builders import (
    ORGANIZATION,
    a_document,
    a_platform,
    a_repo,
    a_resource,
    a_use_case,
    a_workflow,
    an_instance,
    applied,
    planned,
)

NAME = "invoice-dev"
SHOW = {"run": {"shell": {"command": 'printf %s "$CASEWAY_SERVICES"'}}}
QUERY = {"call": "sql", "with": {"connection": "db", "query": "SELECT 1"}}
DB = a_resource("db", type="postgres", url="postgres://db.test:5432/erp", credential="erp-db")
CACHE = a_resource("cache", type="redis", url="redis://cache.test:6379/0")


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    with a_platform(f"sqlite:///{tmp_path / 'state.db'}") as opened:
        yield opened


def a_project(task: dict[str, Any], *connections: str) -> Any:
    workflow = a_workflow(definition=a_document("main", do=[{"step": task}]))
    use_case = a_use_case(workflows=[workflow], connections=list(connections))
    return a_repo(use_case, an_instance(), connections=(DB, CACHE))


def store(platform: Platform, value: dict[str, Any], name: str = "erp-db") -> None:
    credentials.set_credential(platform, ORGANIZATION, name, dict(value), type="basic", actor="ann")


def ran(platform: Platform) -> Outcome:
    execution_id = executions.create(platform, NewExecution(ORGANIZATION, NAME))
    with JournalWriter(platform.database) as writer:
        worker = Worker(platform, writer, Policy(processes=True))
        return asyncio.run(run_claimed(worker, claim(worker, execution_id)))


def test_a_process_gets_the_declared_connections_by_type_and_name(platform: Platform) -> None:
    applied(platform, a_project(SHOW, "cache"))
    told = json.loads(str(ran(platform).output))
    assert told == {
        "redis": {
            "cache": {"url": "redis://cache.test:6379/0", "host": "cache.test", "port": 6379, "path": "/0"}
        }
    }


def test_a_connection_that_is_not_declared_is_not_given(platform: Platform) -> None:
    store(platform, {"username": "u", "password": "p"})
    applied(platform, a_project(SHOW, "cache"))
    assert "postgres" not in str(ran(platform).output)


def test_its_secret_is_given_to_the_task_and_masked_in_what_it_leaves(platform: Platform) -> None:
    store(platform, {"username": "u", "password": "planted-secret-1"})
    applied(platform, a_project(SHOW, "db"))
    outcome = ran(platform)
    assert outcome.status is Status.COMPLETED
    assert "planted-secret-1" not in str(outcome.output)


def test_a_rotated_secret_is_there_for_the_next_execution(platform: Platform) -> None:
    compare = {"run": {"shell": {"command": 'case "$CASEWAY_SERVICES" in *second-value*) printf new;; esac'}}}
    store(platform, {"username": "u", "password": "first-value"})
    applied(platform, a_project(compare, "db"))
    store(platform, {"username": "u", "password": "second-value"})
    assert ran(platform).output == "new"


def test_without_the_credential_of_its_connection_an_instance_is_not_deployed(platform: Platform) -> None:
    applied(platform, a_project(QUERY, "db"))
    view = get_instance(platform, ORGANIZATION, NAME)
    assert (view.phase, view.missing) == ("missing_integration", ("erp-db",))


def test_the_plan_says_which_credential_a_connection_lacks(platform: Platform) -> None:
    made = planned(platform, a_project(QUERY, "db"))
    warnings = " ".join(action.warning for action in made.actions)
    assert "connection 'db' needs credential 'erp-db', which is not stored" in warnings


def test_the_credential_of_a_connection_heals_its_instances(platform: Platform) -> None:
    applied(platform, a_project(QUERY, "db"))
    store(platform, {"username": "u", "password": "p"})
    assert get_instance(platform, ORGANIZATION, NAME).phase == "active"


def test_a_workflow_without_connections_is_told_of_none() -> None:
    assert not uses_connections(a_document("main"))


def test_a_function_gets_only_the_connection_it_names() -> None:
    document = a_document("main", do=[{"step": QUERY}])
    told = services(document, {"db": DB.body, "cache": CACHE.body}, lambda name: {"password": "p"})
    assert list(json.loads(told["CASEWAY_SERVICES"])) == ["postgres"]


def test_a_name_that_is_only_known_when_it_runs_may_be_any() -> None:
    task = {"call": "sql", "with": {"connection": "${ .which }", "query": "SELECT 1"}}
    document = a_document("main", do=[{"step": task}])
    assert names_used(document, {"db": {}, "cache": {}}) == {"db", "cache"}


tasks = st.recursive(
    st.sampled_from([{"set": {"a": 1}}, QUERY]),
    lambda inner: st.builds(lambda task: {"do": [{"inner": task}]}, inner),
    max_leaves=4,
)


@given(tasks)
def test_a_connection_is_found_however_deep_it_is_named(task: dict[str, Any]) -> None:
    document = a_document("main", do=[{"step": task}])
    assert (names_used(document, {"db": {}, "cache": {}}) == {"db"}) == ("sql" in json.dumps(task))


def test_what_a_process_writes_is_kept_masked(platform: Platform) -> None:
    store(platform, {"username": "u", "password": "planted-secret-2"})
    speak = {"run": {"shell": {"command": 'echo hello; echo "$CASEWAY_SERVICES" >&2'}}}
    applied(platform, a_project(speak, "db"))
    outcome = ran(platform)
    kept = look.log_of(platform, outcome.id)
    assert [line.text for line in kept if line.stream == "stdout"] == ["hello"]
    assert "planted-secret-2" not in str(kept)


def test_a_log_has_an_end(platform: Platform) -> None:
    speak = {"run": {"shell": {"command": "seq 1 20000"}}}
    applied(platform, a_project(speak, "cache"))
    kept = look.log_of(platform, ran(platform).id, limit=20_000)
    assert (len(kept), kept[-1].stream) == (10_001, "log")
