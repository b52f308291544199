"""The same commands against a server: what works embedded works remotely, with the same JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_world import edit

from caseway.operations.remote_client import RemoteClient
from chaos.store_builders import a_platform
from server.server_world import TOKEN, running


@pytest.fixture
def remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A server without anything deployed, which the command line is told of."""
    with a_platform(f"sqlite:///{tmp_path / 'server.db'}") as platform, running(platform) as server:
        monkeypatch.setenv("CASEWAY_SERVER", server.url)
        monkeypatch.setenv("CASEWAY_TOKEN", TOKEN)
        yield server


def told(caseway, *words: str, code: int = 0):
    said = caseway(*words, "--format", "json")
    assert said.code == code, said.out + said.err
    return said.json


def test_a_project_is_planned_applied_and_steered_on_a_server(caseway, project, remote):
    assert told(caseway, "plan")["summary"]["create"] > 0
    assert told(caseway, "apply", "--yes")["ok"]
    assert told(caseway, "plan")["actions"] == []
    assert not (project / ".caseway" / "state.db").exists()
    assert [item["name"] for item in told(caseway, "instance", "list")["instances"]] == ["hello"]
    assert told(caseway, "instance", "pause", "hello")["phase"] == "user_paused"
    assert told(caseway, "drift")["drift"]
    assert told(caseway, "instance", "resume", "hello")["phase"] == "active"
    assert told(caseway, "instance", "get", "hello")["deployments"][0]["status"] == "deployed"
    assert told(caseway, "status")["instances"][0]["name"] == "hello"


def test_an_edit_is_compared_saved_as_a_plan_and_applied_on_a_server(caseway, project, remote, tmp_path):
    told(caseway, "apply", "--yes")
    edit(project / "use-cases/hello/usecase.yaml", 'title: "Hello"', 'title: "Good day"')
    assert told(caseway, "diff")["comparisons"]
    file = str(tmp_path / "plan.json")
    assert caseway("plan", "--out", file).code == 0
    assert told(caseway, "apply", file, "--yes")["ok"]
    assert [item["version"] for item in told(caseway, "process", "get", "hello")["templates"]] == [
        "1.0.1",
        "1.0.0",
    ]
    assert told(caseway, "instance", "rollback", "hello")["deployment"]["version"] == "1.0.0"


def test_executions_are_started_and_looked_at_on_a_server(caseway, project, remote):
    told(caseway, "apply", "--yes")
    made = told(caseway, "trigger", "hello", "--no-wait")
    assert told(caseway, "executions", "list")["executions"][0]["id"] == made["id"]
    assert told(caseway, "executions", "cancel", made["id"])["status"] == "cancelled"
    assert told(caseway, "executions", "get", made["id"])["status"] == "cancelled"
    ended = caseway("executions", "retry", made["id"], "--no-wait", "--format", "json")
    assert ended.json["retryOf"] == made["id"]


def test_keys_credentials_and_processes_are_kept_on_a_server(caseway, project, remote):
    told(caseway, "apply", "--yes")
    assert told(caseway, "key", "create", "hello")["secret"]
    assert len(told(caseway, "key", "list", "hello")["keys"]) == 1
    assert told(caseway, "credential", "set", "mail", "--value", json.dumps({"token": "t"}))["credential"]
    assert told(caseway, "credential", "list")["credentials"][0]["name"] == "mail"
    assert told(caseway, "process", "publish", "hello", "1.0.0")["published"] == "1.0.0"
    assert told(caseway, "process", "verify")["templates"] == 1


def test_what_a_server_refuses_reads_like_what_this_process_refuses(caseway, project, remote):
    told(caseway, "apply", "--yes")
    told(caseway, "instance", "archive", "hello")
    error = told(caseway, "instance", "pause", "hello", code=1)["error"]
    assert error["code"] == "illegal-transition"
    assert "restore" in error["hint"]


def test_a_token_that_is_not_known_says_what_to_do(caseway, project, remote, monkeypatch):
    monkeypatch.setenv("CASEWAY_TOKEN", "wrong")
    error = told(caseway, "status", code=1)["error"]
    assert error["code"] == "unauthenticated"
    assert "CASEWAY_TOKEN" in error["hint"]


def test_the_lease_of_a_local_apply_is_not_needed_for_looking(caseway, project, remote):
    told(caseway, "apply", "--yes")
    assert told(caseway, "plan", "--detailed-exitcode")["actions"] == []


def test_an_apply_that_ended_is_looked_at_again(caseway, project, remote):
    told(caseway, "apply", "--yes")
    with RemoteClient(remote.url, TOKEN) as client:
        record = client.call("applies.list")["items"][0]
    assert told(caseway, "apply", "--attach", record["id"])["ok"]


def test_the_doctor_asks_the_server_and_not_a_database_that_lies_here(caseway, project, remote, monkeypatch):
    with monkeypatch.context() as here:
        here.delenv("CASEWAY_SERVER")
        assert caseway("apply", "--yes").code == 0
    checks = told(caseway, "doctor")["checks"]
    found = {item["check"]: item for item in checks}
    assert found["server"]["state"] == "ok"
    assert remote.url in found["server"]["message"]
    assert not {"database", "secret key", "leases", "templates"} & set(found)
    assert "local-only" not in json.dumps(checks)
