"""Applies on a server: they go on without their caller, after their server, and one after the other."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from server_world import TOKEN, Running

from caseway.model.access import local
from caseway.model.errors import CasewayError
from caseway.model.plan import Plan
from caseway.operations import carrying_out
from caseway.operations.client import PlanOptions
from caseway.operations.local_client import LocalClient
from caseway.operations.paging import write_cursor
from caseway.operations.remote_apply import apply_there
from caseway.operations.remote_client import RemoteClient
from caseway.operations.uploading import taken_apart
from caseway.platform import applies, lease
from chaos.store_builders import a_platform, a_repo, a_use_case, an_instance

REPO = a_repo(
    a_use_case("receipt"),
    a_use_case("reminder"),
    *(an_instance(f"{name}-dev", use_case=name) for name in ("receipt", "reminder")),
)

# Another server, which dies like under SIGKILL when the apply comes to that action.
DYING = """
import os, sys
from caseway.operations import carrying_out
from caseway.platform.compose import open_platform
from caseway.targets.registry import TARGETS
from chaos.store_builders import KEY
url, apply_id, action = sys.argv[1:]
def on_boundary(name):
    if name == f"action:{action}":
        os._exit(9)
me = f"tests@here:{os.getpid()}"
platform = open_platform(url, targets=TARGETS, secret_key=KEY, holder=me, on_boundary=on_boundary)
carrying_out.start(platform, "acme", apply_id)
"""


@pytest.fixture
def client(server: Running):
    with RemoteClient(server.url, TOKEN) as found:
        yield found


def ended(client: RemoteClient, apply_id: str) -> dict[str, Any]:
    """The record of an apply that has ended."""
    for _ in client.stream("applies.follow", id=apply_id):
        continue
    return client.call("applies.get", id=apply_id)


def cut_at(server: Running, plan: Plan, apply_id: str, at: int) -> None:
    """Let another server begin the apply and die before the action number `at`."""
    applies.create(server.platform, "acme", apply_id, (plan.id, plan.project), actor="ann")
    url = server.platform.database.engine.url.render_as_string()
    words = [sys.executable, "-c", DYING, url, apply_id, plan.actions[at].id]
    answer = subprocess.run(words, cwd=Path(__file__).parents[1], capture_output=True, text=True)
    assert answer.returncode == 9, answer.stderr


def test_an_apply_goes_on_when_nobody_looks(client):
    plan = client.plan(REPO, PlanOptions())
    client.call("applies.create", plan=plan.id, id="mine")
    record = ended(client, "mine")
    assert record["status"] == "done"
    assert [item["status"] for item in record["report"]["results"]] == ["done"] * len(plan.actions)


def test_asking_again_with_the_same_id_reports_and_does_nothing(client):
    plan = client.plan(REPO, PlanOptions())
    first = apply_there(client, plan, lambda event: None, "mine")
    heard = []
    again = apply_there(client, plan, heard.append, "mine")
    assert again == first
    assert [event.action.id for event in heard if event.event == "finished"] == [
        action.id for action in plan.actions
    ]


def test_an_id_is_of_one_plan(client):
    plan = client.plan(REPO, PlanOptions())
    other = client.plan(REPO, PlanOptions())
    client.call("applies.create", plan=plan.id, id="mine")
    ended(client, "mine")
    with pytest.raises(CasewayError) as caught:
        client.call("applies.create", plan=other.id, id="mine")
    assert caught.value.code == "apply-id-taken"


@pytest.mark.parametrize("at", [0, 2, -1])
def test_an_apply_whose_server_was_killed_is_finished_by_the_next(server, client, at):
    plan = client.plan(REPO, PlanOptions())
    cut_at(server, plan, "mine", at)
    record = ended(client, "mine")
    assert record["status"] == "done", record["error"]
    assert {item["id"] for item in record["report"]["results"]} >= {
        action.id for action in plan.actions if action.kind != "deployment"
    }
    assert client.plan(REPO, PlanOptions()).is_empty


def test_a_server_that_starts_takes_over_what_was_left(server, client):
    plan = client.plan(REPO, PlanOptions())
    cut_at(server, plan, "mine", 3)
    assert carrying_out.go_on(server.platform) == ["mine"]
    assert ended(client, "mine")["status"] == "done"


def test_what_was_cut_is_not_finished_when_that_would_do_more_than_was_agreed(server, client):
    more = a_repo(*REPO.use_cases, *REPO.instances, a_use_case(), an_instance())
    plan = client.plan(more, PlanOptions())
    cut_at(server, plan, "mine", 0)
    client.call("instances.pause", name="invoice-dev")  # the plan would not have touched it
    record = ended(client, "mine")
    assert record["status"] == "failed"
    assert record["error"]["code"] == "plan-stale"
    assert "invoice-dev" in record["error"]["hint"]


def test_an_apply_waits_for_another_and_says_for_whom(server, client):
    plan = client.plan(REPO, PlanOptions())
    other = a_platform(server.platform.database.engine.url.render_as_string(), holder="bob@elsewhere:7")
    told = threading.Event()
    with other:
        held = lease.acquire(other)
        client.call("applies.create", plan=plan.id, id="mine")
        for event in client.stream("applies.follow", id="mine"):
            if event.get("what") == "held":
                assert "bob@elsewhere:7" in event["message"]
                told.set()
                lease.release(other, held)
    assert told.is_set()
    assert client.call("applies.get", id="mine")["status"] == "done"


def test_an_apply_that_waited_long_enough_is_refused_naming_the_holder(server, client, monkeypatch):
    monkeypatch.setattr(carrying_out, "PATIENCE", 0.0)
    plan = client.plan(REPO, PlanOptions())
    with a_platform(
        server.platform.database.engine.url.render_as_string(), holder="bob@elsewhere:7"
    ) as other:
        lease.acquire(other)
        with pytest.raises(CasewayError) as caught:
            client.apply(plan, lambda event: None)
    assert caught.value.code == "lease-held"
    assert "bob@elsewhere:7" in caught.value.message


def test_only_what_the_server_lacks_is_uploaded(server, client):
    _, bodies = taken_apart(REPO)
    assert set(client.call("blobs.missing", digests=list(bodies))["missing"]) == set(bodies)
    client.plan(REPO, PlanOptions())
    assert client.call("blobs.missing", digests=list(bodies))["missing"] == []


def test_content_must_be_what_its_digest_says(client):
    with pytest.raises(CasewayError) as caught:
        client.call("blobs.put", digest="sha256:" + "0" * 64, content={"a": 1})
    assert caught.value.code == "digest-mismatch"


def test_content_of_another_organization_is_not_there(server, client):
    client.plan(REPO, PlanOptions())
    _, bodies = taken_apart(REPO)
    with RemoteClient(server.url, "others:eve") as other:
        assert set(other.call("blobs.missing", digests=list(bodies))["missing"]) == set(bodies)


def test_a_plan_is_applied_where_it_was_made_and_nowhere_else(server, client):
    here = LocalClient(server.platform, local("acme", "ann"))
    for made, applying in (
        (client.plan(REPO, PlanOptions()), here),
        (here.plan(REPO, PlanOptions()), client),
    ):
        with pytest.raises(CasewayError) as caught:
            applying.apply(made, lambda event: None)
        assert caught.value.code == "plan-elsewhere"


def test_a_project_of_another_organization_is_refused(client):
    with pytest.raises(CasewayError) as caught:
        client.plan(a_repo(a_use_case(), organization="others"), PlanOptions())
    assert caught.value.code == "other-organization"


def test_a_desired_state_of_another_project_than_said_is_refused(client):
    manifest, _ = taken_apart(REPO)
    with pytest.raises(CasewayError) as caught:
        client.call("plans.create", project="another", desired=manifest)
    assert caught.value.code == "other-project"


def test_applies_are_listed_page_by_page_however_many_there_are(server, client):
    plan = client.plan(REPO, PlanOptions())
    for number in range(7):
        record = ("a-plan", "other") if number == 3 else (plan.id, plan.project)
        applies.create(server.platform, "acme", f"apply-{number}", record, actor="ann")
    paged, cursor = [], ""
    while True:
        page = client.call("applies.list", project=plan.project, limit=2, cursor=cursor)
        paged += [item["id"] for item in page["items"]]
        cursor = page["nextCursor"]
        if not cursor:
            break
    assert paged == [f"apply-{number}" for number in range(7) if number != 3]
    assert [item["id"] for item in client.call("applies.list", project="other")["items"]] == ["apply-3"]


@pytest.mark.parametrize(
    "key", [["2026-01-01T00:00:00Z"], ["yesterday", "x"], ["2026-01-01T00:00:00Z", "x", "y"]]
)
def test_a_cursor_of_applies_that_is_none_is_refused(client, key):
    with pytest.raises(CasewayError) as caught:
        client.call("applies.list", cursor=write_cursor(key))
    assert caught.value.code == "cursor"
