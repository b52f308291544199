"""Approvals and reruns from the command line."""

from __future__ import annotations

import pytest

PROJECT = {
    "caseway.yaml": "apiVersion: caseway/v1\nkind: Project\nmetadata: {name: acme}\nspec: {}\n",
    "use-cases/pay/usecase.yaml": (
        "apiVersion: caseway/v1\nkind: UseCase\nmetadata: {name: pay}\nspec:\n  title: Pay\n"
        "  workflows: [{id: main, file: workflows/main.yaml, triggers: [{id: m, type: manual}]}]\n"
    ),
    "use-cases/pay/workflows/main.yaml": (
        "document: {dsl: 1.0.3, namespace: pay, name: main, version: 1.0.0}\n"
        "do:\n"
        "  - before: {set: {n: '${ .n + 1 }'}}\n"
        "  - ask:\n      call: approval\n      with: {title: Pay?, data: '${ . }'}\n"
        "      output: {as: '{said: .decision, data}'}\n"
        "  - after: {set: {got: '${ . }'}}\n"
    ),
}


@pytest.fixture
def waiting(folder, caseway) -> str:
    """An execution that waits for a decision."""
    for name, text in PROJECT.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    assert caseway("apply", "--yes").code == 0
    said = caseway("trigger", "pay", "--input", '{"n": 1}', "--format", "json")
    assert said.json["status"] == "waiting"
    return said.json["id"]


def test_what_waits_is_listed_and_decided(waiting, caseway):
    (one,) = caseway("executions", "approvals", "--format", "json").json["approvals"]
    assert (one["execution"], one["title"], one["data"]) == (waiting, "Pay?", {"n": 2})
    assert "Pay?" in caseway("executions", "approvals").out
    said = caseway("executions", "decide", waiting, "--approve", "--data", '{"x": 1}', "--format", "json")
    assert (said.code, said.json["status"]) == (0, "approved")
    assert caseway("serve", "worker", "--once").code == 0
    facts = caseway("executions", "get", waiting, "--format", "json").json
    assert (facts["status"], facts["output"]["got"]) == ("completed", {"said": "approved", "data": {"x": 1}})


def test_a_token_is_shown_on_demand_and_enough(waiting, caseway):
    assert "token" not in caseway("executions", "approvals", "--format", "json").json["approvals"][0]
    (one,) = caseway("executions", "approvals", "--tokens", "--format", "json").json["approvals"]
    assert caseway("executions", "decide", "--reject", "--token", one["token"]).code == 0
    again = caseway("executions", "decide", waiting, "--approve", "--token", one["token"])
    assert (again.code, "decided already" in again.err) == (1, True)


@pytest.mark.parametrize("words", [[], ["--approve"]])
def test_a_decision_needs_its_word_and_its_execution(words, waiting, caseway):
    assert caseway("executions", "decide", *words, *([waiting] if not words else [])).code == 2


def test_an_execution_is_run_again_in_part_and_from_a_task(waiting, caseway):
    assert caseway("executions", "cancel", waiting).code == 0
    until = ["--until", "/do/0/before", "--input", '{"n": 5}', "--format", "json"]
    part = caseway("executions", "rerun", waiting, *until)
    assert (part.code, part.json["output"]) == (0, {"n": 6})
    facts = caseway("executions", "get", part.json["id"], "--format", "json").json
    assert facts["reason"] == "partial"
    pinned = ["--pin", '/do/1/ask={"said": "approved"}', "--format", "json"]
    whole = caseway("executions", "rerun", waiting, *pinned)
    assert (whole.json["status"], whole.json["output"]) == ("completed", {"got": {"said": "approved"}})
    again = caseway("executions", "rerun", whole.json["id"], "--from", "/do/2/after", "--format", "json")
    assert again.json["output"] == {"got": {"said": "approved"}}
    facts = caseway("executions", "get", again.json["id"], "--format", "json").json
    assert facts["retryOf"] == whole.json["id"]


@pytest.mark.parametrize("words", [["--from", "/do/9/z"], ["--until", "x"], ["--pin", "x=1"]])
def test_a_task_that_is_not_there_is_refused(words, waiting, caseway):
    caseway("executions", "cancel", waiting)
    said = caseway("executions", "rerun", waiting, *words)
    assert said.code == 1
    assert "has no task" in said.err


def test_a_pin_has_an_output(waiting, caseway):
    assert caseway("executions", "rerun", waiting, "--pin", "x").code == 2


@pytest.fixture
def file(folder):
    """The workflow alone."""
    path = folder / "pay.yaml"
    path.write_text(PROJECT["use-cases/pay/workflows/main.yaml"])
    return str(path)


def test_a_local_run_takes_decisions_given_beforehand(file, caseway):
    words = ["run", file, "--input", '{"n": 1}', "--format", "json"]
    for given in ('approve:{"x": 1}', 'ask=approve:{"x": 1}', '/do/1/ask=approve:{"x": 1}'):
        said = caseway(*words, "--decide", given)
        assert said.json["output"] == {"got": {"said": "approved", "data": {"x": 1}}}
    said = caseway(*words, "--decide", "reject")
    assert (said.code, said.json["error"]["status"]) == (1, 403)
    assert "--decide ask=approve" in caseway(*words).json["error"]["detail"]


def test_a_decision_that_is_none_is_a_wrong_use(file, caseway):
    assert caseway("run", file, "--decide", "perhaps").code == 2


def test_a_local_run_may_be_partial_and_have_outputs_pinned(file, caseway):
    words = ["run", file, "--input", '{"n": 1}', "--format", "json"]
    assert caseway(*words, "--until", "/do/0/before").json["output"] == {"n": 2}
    assert caseway(*words, "--pin", '/do/1/ask={"said": "x"}').json["output"] == {"got": {"said": "x"}}
    assert caseway(*words, "--until", "/do/7/z").json["error"]["code"] == "no-such-task"


def test_large_values_are_listed_and_printed(waiting, caseway, monkeypatch):
    monkeypatch.setenv("CASEWAY_ARTIFACT_BYTES", "2000")
    caseway("executions", "cancel", waiting)
    pinned = ["--pin", '/do/1/ask={"said": "' + "x" * 3000 + '"}', "--format", "json"]
    done = caseway("executions", "rerun", waiting, *pinned).json["id"]
    rows = caseway("executions", "artifacts", done, "--format", "json").json["artifacts"]
    assert ["/do/1/ask"] in [row["uses"] for row in rows]
    values = [caseway("executions", "artifacts", done, row["digest"]).json for row in rows]
    assert {"said": "x" * 3000} in values
    monkeypatch.setenv("CASEWAY_ARTIFACT_BYTES", "few")
    assert "CASEWAY_ARTIFACT_BYTES" in caseway("executions", "list").err
