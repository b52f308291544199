"""One contract for both clients: in process or over HTTP, answers and errors are alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from caseway.model.errors import CasewayError
from caseway.operations.client import Client, PlanOptions, every
from caseway.operations.decode import InvalidRequest
from caseway.operations.fields import described
from caseway.operations.local_client import LocalClient
from caseway.operations.operation import Answer
from caseway.operations.remote_client import RemoteClient
from caseway.operations.table import OPERATIONS
from caseway.platform.bundle import Platform
from chaos.store_builders import a_repo, a_use_case, an_instance
from server.server_world import TOKEN, a_served_platform, known, running

World = tuple[Platform, Client]


@contextmanager
def local_world(folder: Path) -> Iterator[World]:
    with a_served_platform(folder) as platform:
        yield platform, LocalClient(platform, known(platform, TOKEN))


@contextmanager
def remote_world(folder: Path) -> Iterator[World]:
    with (
        a_served_platform(folder) as platform,
        running(platform) as server,
        RemoteClient(server.url, TOKEN, pause=lambda _seconds: None) as client,
    ):
        yield platform, client


WORLDS: dict[str, Callable[[Path], Any]] = {"local": local_world, "remote": remote_world}


@pytest.fixture(scope="module", params=list(WORLDS))
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world for what changes nothing that others look at."""
    with WORLDS[request.param](tmp_path_factory.mktemp(request.param)) as world:
        yield world


@pytest.fixture(params=list(WORLDS))
def client(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Client]:
    """A client of a world of one's own."""
    with WORLDS[request.param](tmp_path) as (_, found):
        yield found


def refused(client: Client, operation: str, **arguments: Any) -> CasewayError:
    with pytest.raises(CasewayError) as caught:
        client.call(operation, **arguments)
    return caught.value


LISTS = [item.name for item in OPERATIONS.values() if item.answer is Answer.LIST]


def names_of_what_is_needed(client: Client, operation: str) -> dict[str, str]:
    """Arguments that name things which are there."""
    needed = [item.name for item in described(OPERATIONS[operation].request) if item.is_required]
    if OPERATIONS[operation].about == "runtime":
        return {"name": "python"}
    if set(needed) & {"execution", "execution_id", "id"}:
        made = client.call("executions.create", instance="invoice-dev", idempotency_key="shared")["id"]
        return dict.fromkeys(needed, made)
    return dict.fromkeys(needed, "invoice-dev")


@pytest.mark.parametrize("operation", LISTS)
def test_every_list_is_a_page_with_a_cursor(shared, operation):
    page = shared[1].call(operation, **names_of_what_is_needed(shared[1], operation), limit=1)
    assert set(page) == {"items", "nextCursor"}
    assert len(page["items"]) <= 1
    assert bool(page["nextCursor"]) <= bool(page["items"])


@pytest.mark.parametrize("operation", LISTS)
def test_every_list_refuses_a_cursor_that_is_none(shared, operation):
    error = refused(shared[1], operation, **names_of_what_is_needed(shared[1], operation), cursor="no cursor")
    assert error.code == "cursor"


@pytest.mark.parametrize(
    "operation", [item.name for item in OPERATIONS.values() if item.answer is Answer.ONE]
)
def test_every_operation_refuses_a_field_that_it_does_not_have(shared, operation):
    with pytest.raises(CasewayError) as caught:
        shared[1].call(operation, no_such_field="x")
    assert caught.value.code == "invalid-request"


def test_pages_of_a_list_put_together_are_the_whole_list(client):
    repo = a_repo(a_use_case(), *(an_instance(f"invoice-{n}", owner=f"u{n}") for n in range(5)))
    client.apply(client.plan(repo, PlanOptions()), lambda event: None)
    whole = [item["name"] for item in client.call("instances.list")["items"]]
    paged, cursor = [], ""
    while True:
        page = client.call("instances.list", limit=2, cursor=cursor)
        paged += [item["name"] for item in page["items"]]
        cursor = page["nextCursor"]
        if not cursor:
            break
    assert paged == whole
    assert [item["name"] for item in every(client, "instances.list")] == whole


def test_an_instance_is_steered_through_its_states(client):
    def state() -> str:
        return client.call("instances.get", name="invoice-dev")["phase"]

    assert client.call("instances.pause", name="invoice-dev")["phase"] == "user_paused"
    assert client.call("instances.resume", name="invoice-dev")["phase"] == "active"
    assert client.call("instances.archive", name="invoice-dev")["phase"] == "archived"
    assert client.call("instances.restore", name="invoice-dev")["phase"] == state() == "active"
    assert "NotDeployed" in client.call("instances.undeploy", name="invoice-dev")["conditions"] or state()
    assert client.call("instances.deploy", name="invoice-dev")["deployment"]["status"] == "deployed"
    assert client.call("instances.delete", name="invoice-dev")["name"] == "invoice-dev"
    assert client.call("instances.list")["items"] == []
    client.call("instances.restore", name="invoice-dev")
    assert client.call("instances.purge", name="invoice-dev", confirm="invoice-dev")["purged"]
    assert refused(client, "instances.get", name="invoice-dev").code == "not-found"


def test_an_illegal_transition_is_refused_with_its_code_and_hint(client):
    client.call("instances.archive", name="invoice-dev")
    error = refused(client, "instances.pause", name="invoice-dev")
    assert (error.code, error.place) == ("illegal-transition", "invoice-dev")
    assert "restore" in error.hint


def test_what_two_hands_change_is_changed_by_the_first(client):
    seen = client.call("instances.get", name="invoice-dev")["updatedAt"]
    client.call("instances.pause", name="invoice-dev", if_match=f'"{seen}.0"')
    error = refused(client, "instances.resume", name="invoice-dev", if_match=f'"{seen}.0"')
    assert error.code == "changed"
    assert client.call("instances.get", name="invoice-dev")["phase"] == "user_paused"


@pytest.mark.parametrize(
    ("verb", "more"),
    [
        *((verb, {}) for verb in ("pause", "archive", "undeploy", "deploy", "delete")),
        ("rollback", {"version": "1.0.0"}),
        ("update", {"parameters": {}}),
        ("share", {"mode": "everyone"}),
    ],
)
def test_whoever_saw_an_instance_before_it_was_changed_changes_nothing(client, verb, more):
    seen = client.call("instances.get", name="invoice-dev")["updatedAt"]
    client.call("instances.share", name="invoice-dev", mode="admins")
    before = client.call("instances.get", name="invoice-dev")
    error = refused(client, f"instances.{verb}", name="invoice-dev", if_match=f'"{seen}.0"', **more)
    assert error.code == "changed"
    assert client.call("instances.get", name="invoice-dev") == before


def test_of_two_who_replace_a_credential_the_second_is_told(client):
    client.call("credentials.set", name="mail", value={"token": "one"}, type="bearer")
    seen = client.call("credentials.get", name="mail")["updatedAt"]
    client.call("credentials.set", name="mail", value={"token": "two"}, type="bearer", if_match=f'"{seen}.0"')
    again = {"name": "mail", "value": {"token": "three"}, "type": "bearer", "if_match": f'"{seen}.0"'}
    assert refused(client, "credentials.set", **again).code == "changed"
    assert refused(client, "credentials.remove", name="mail", if_match=f'"{seen}.0"').code == "changed"
    now = client.call("credentials.get", name="mail")["updatedAt"]
    assert client.call("credentials.remove", name="mail", if_match=f'"{now}.0"')["removed"]
    assert refused(client, "credentials.set", **again).code == "changed"


def test_each_fault_of_a_request_is_named(client):
    with pytest.raises(InvalidRequest) as caught:
        client.call("executions.list", limit=0, since="yesterday")
    assert {item.field for item in caught.value.errors} == {"limit", "since"}


@pytest.mark.parametrize("other", [{"input": {"a": 2}}, {"trigger_id": "manual"}, {"run_now": True}])
def test_a_key_that_stands_for_another_start_is_refused(client, other):
    same = {"instance": "invoice-dev", "input": {"a": 1}, "idempotency_key": "k2"}
    made = client.call("executions.create", **same)
    with pytest.raises(CasewayError) as caught:
        client.call("executions.create", **{**same, **other})
    assert caught.value.code == "idempotency-key-reused"
    assert client.call("executions.create", **same)["id"] == made["id"]
    assert len(client.call("executions.list", instance="invoice-dev")["items"]) == 1


def test_an_execution_is_created_once_per_key_followed_retried_and_ended(client):
    made = client.call("executions.create", instance="invoice-dev", input={"a": 1}, idempotency_key="k1")
    again = client.call("executions.create", instance="invoice-dev", input={"a": 1}, idempotency_key="k1")
    assert again["id"] == made["id"]
    assert client.call("executions.cancel", id=made["id"])["status"] == "cancelled"
    events = list(client.stream("executions.follow", id=made["id"]))
    assert events[-1]["event"] == "execution"
    assert events[-1]["status"] == "cancelled"
    retried = client.call("executions.retry", id=made["id"])
    assert retried["retryOf"] == made["id"]
    assert client.call("executions.suspend", id=retried["id"])["status"] == "suspended"
    assert client.call("executions.resume", id=retried["id"])["status"] == "pending"
    assert len(client.call("executions.list", instance="invoice-dev")["items"]) == 2


def test_a_key_is_shown_once_and_never_listed(client):
    made = client.call("keys.create", instance="invoice-dev", name="shop")
    listed = client.call("keys.list", instance="invoice-dev")["items"]
    assert made["secret"]
    assert [item["id"] for item in listed] == [made["id"]]
    assert made["secret"] not in str(listed)
    client.call("keys.revoke", id=made["id"])
    assert client.call("keys.list", instance="invoice-dev")["items"][0]["revokedAt"]


def test_a_credential_s_value_is_in_no_answer(client):
    told = client.call("credentials.set", name="mail", value={"token": "planted-secret"}, type="bearer")
    listed = client.call("credentials.list")
    assert "planted-secret" not in str((told, listed))
    assert client.call("credentials.remove", name="mail")["removed"]
    assert refused(client, "credentials.remove", name="mail").code == "not-found"


def test_a_process_is_published_promoted_copied_and_deleted(client):
    assert client.call("templates.publish", process="invoice", version="1.0.0")["published"] == "1.0.0"
    assert client.call("processes.promote", name="invoice", stage="prod")["stage"] == "prod"
    assert client.call("templates.get", process="invoice", version="1.0.0")["body"]["title"] == "invoice"
    assert client.call("processes.clone", name="invoice", new_name="copy")["name"] == "copy"
    assert client.call("processes.delete", name="copy")["name"] == "copy"
    assert refused(client, "processes.delete", name="invoice").code == "in-use"
    assert client.call("templates.verify") == {"templates": 1, "damaged": []}


def test_a_plan_that_is_applied_leaves_nothing_to_do(client):
    repo = a_repo(a_use_case("receipt"), an_instance("receipt-dev", use_case="receipt"))
    plan = client.plan(repo, PlanOptions())
    heard = []
    report = client.apply(plan, heard.append)
    assert report.is_ok
    assert [result.id for result in report.results] == [action.id for action in plan.actions]
    assert {event.action.id for event in heard} == {action.id for action in plan.actions}
    assert client.plan(repo, PlanOptions()).is_empty


def test_a_stale_plan_is_refused(client):
    repo = a_repo(a_use_case("receipt"), an_instance("receipt-dev", use_case="receipt"))
    plan = client.plan(repo, PlanOptions())
    client.call("instances.pause", name="invoice-dev")
    with pytest.raises(CasewayError) as caught:
        client.apply(plan, lambda event: None)
    assert caught.value.code == "plan-stale"


def test_an_event_is_taken_once(client):
    event = {"id": "1", "source": "urn:tests", "type": "tested"}
    assert client.call("events.send", event=event)["isNew"]
    assert not client.call("events.send", event=event)["isNew"]
