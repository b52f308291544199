"""`caseway run FILE`: one workflow with no platform."""

from __future__ import annotations

import json

import pytest

HEAD = "document: {dsl: 1.0.0, namespace: t, name: %s, version: 1.0.0}\n"


@pytest.fixture
def write(folder):
    def to(body: str, name: str = "flow"):
        path = folder / f"{name}.yaml"
        path.write_text(HEAD % name + body)
        return str(path)

    return to


ECHO = "do:\n  - echo:\n      set: {got: '${ . }'}\n"


def test_json_output_is_exactly_as_designed(caseway, write):
    said = caseway("run", write(ECHO), "--input", '{"a": 1}', "--format", "json")
    assert said.code == 0
    outcome = said.json
    assert list(outcome) == ["id", "status", "output", "error", "tasks"]
    assert outcome["status"] == "completed"
    assert outcome["output"] == {"got": {"a": 1}}
    assert outcome["error"] is None
    [task] = outcome["tasks"]
    assert list(task) == ["reference", "name", "status", "startedAt", "endedAt", "attempts"]
    assert (task["reference"], task["name"], task["status"], task["attempts"]) == (
        "/do/0/echo",
        "echo",
        "completed",
        1,
    )


def test_a_fault_exits_with_1_and_has_all_five_members(caseway, write):
    error = "{type: https://e.example/x, status: 418, title: Tea, detail: pot}"
    body = f"do:\n  - no:\n      raise: {{error: {error}}}\n"
    said = caseway("run", write(body), "--format", "json")
    assert said.code == 1
    assert said.json["status"] == "faulted"
    error = said.json["error"]
    assert error == {
        "type": "https://e.example/x", "status": 418, "title": "Tea", "detail": "pot", "instance": "/do/0/no",
    }  # fmt: skip


def test_text_shows_a_tree_and_the_output(caseway, write):
    body = "do:\n  - outer:\n      do:\n        - inner:\n            set: {x: 1}\n"
    said = caseway("run", write(body))
    lines = said.out.splitlines()
    assert lines[0].startswith("completed")
    assert lines[1].startswith("  ✓ outer")
    assert lines[2].startswith("    ✓ inner")
    assert json.loads(said.out.partition("output\n")[2]) == {"x": 1}


def test_a_fault_is_shown_in_words(caseway, write):
    body = "do:\n  - no:\n      raise: {error: {type: https://e.example/x, status: 418, title: Tea}}\n"
    said = caseway("run", write(body))
    assert said.code == 1
    assert "418" in said.out
    assert "Tea" in said.out
    assert "/do/0/no" in said.out


def test_input_may_come_from_a_file_or_stdin(caseway, write, folder):
    (folder / "in.json").write_text('{"from": "file"}')
    (folder / "in.yaml").write_text("from: yaml\n")
    flow = write(ECHO)
    assert caseway("run", flow, "--input", "@in.json", "--format", "json").json["output"]["got"] == {
        "from": "file"
    }
    assert caseway("run", flow, "--input", "@in.yaml", "--format", "json").json["output"]["got"] == {
        "from": "yaml"
    }
    piped = caseway("run", flow, "--input", "-", "--format", "json", stdin='{"from": "stdin"}')
    assert piped.json["output"]["got"] == {"from": "stdin"}


def test_input_that_is_no_json_is_a_usage_error(caseway, write):
    said = caseway("run", write(ECHO), "--input", "{nope", "--format", "json")
    assert said.code == 2
    assert "not JSON" in said.json["error"]["message"]


def test_parameters_fill_placeholders_and_keep_their_types(caseway, write):
    body = "do:\n  - one:\n      set: {limit: '$[[ params.limit ]]', name: '$[[ params.name ]]'}\n"
    said = caseway("run", write(body), "--param", "limit=5", "--param", "name=Ann", "--format", "json")
    assert said.json["output"] == {"limit": 5, "name": "Ann"}


def test_a_missing_parameter_is_named(caseway, write):
    said = caseway("run", write("do:\n  - one:\n      set: {l: '$[[ params.limit ]]'}\n"), "--format", "json")
    assert said.code == 1
    assert said.json["error"]["code"] == "placeholder"
    assert "limit" in said.json["error"]["message"]


def test_defaults_of_the_use_case_fill_placeholders(caseway, project):
    flow = "use-cases/hello/workflows/hello.yaml"
    assert caseway("run", flow, "--format", "json").json["output"] == {"text": "Hello, world!"}
    said = caseway("run", flow, "--param", "greeting=Hi", "--input", '{"name":"Bo"}', "--format", "json")
    assert said.json["output"] == {"text": "Hi, Bo!"}


def test_secrets_reach_the_workflow_and_are_masked(caseway, write):
    body = "use: {secrets: [erp]}\ndo:\n  - one:\n      set: {told: '${ $secrets.erp.token }'}\n"
    said = caseway("run", write(body), "--secret", "erp.token=hunter2-hunter2", "--format", "json")
    assert said.code == 0
    assert "hunter2" not in said.out + said.err


def test_an_invalid_workflow_names_the_place_of_every_problem(caseway, write):
    said = caseway(
        "run",
        write("do:\n  - one:\n      set: {a: '${ .x | nosuch }'}\n      then: nowhere\n"),
        "--format",
        "json",
    )
    assert said.code == 1
    message = said.json["error"]["message"]
    assert said.json["error"]["code"] == "invalid-workflow"
    assert "flow.yaml:4:" in message
    assert "flow.yaml:5:" in message


def test_broken_yaml_names_its_place(caseway, folder):
    (folder / "flow.yaml").write_text("document: {dsl: [\n")
    said = caseway("run", "flow.yaml", "--format", "json")
    assert said.code == 1
    assert said.json["error"]["place"].startswith("flow.yaml:")


def test_a_file_without_a_workflow_is_refused(caseway, folder):
    (folder / "x.yaml").write_text("a: 1\n")
    assert caseway("run", "x.yaml", "--format", "json").json["error"]["code"] == "no-workflow"


def test_shell_tasks_run_for_the_user_and_not_when_refused(caseway, write):
    flow = write("do:\n  - hi:\n      run: {shell: {command: 'echo hi'}}\n")
    assert caseway("run", flow, "--format", "json").json["output"] == "hi\n"
    assert caseway("run", flow, "--no-processes", "--format", "json").code == 1


def test_without_an_engine_the_docker_executor_says_so(caseway, write, monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    said = caseway("run", write(ECHO), "--executor", "docker", "--format", "json")
    assert said.code == 1
    assert said.json["error"]["code"] == "engine-unreachable"


def test_a_sub_workflow_is_found_beside_the_file(caseway, write):
    write("do:\n  - double:\n      set: {twice: '${ .n * 2 }'}\n", "child")
    call = (
        "do:\n  - ask:\n      run: {workflow: {namespace: t, name: child, version: 1.0.0, input: {n: 4}}}\n"
    )
    assert caseway("run", write(call, "main"), "--format", "json").json["output"] == {"twice": 8}


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (
            "do:\n  - ask:\n      call: http\n"
            "      with: {method: get, endpoint: 'http://a.example', query: {page: 1}}\n",
            ":5:",
        ),
        ("do:\n  - work:\n      run:\n        shell: {command: cat, stdin: [1]}\n", ":5:"),
        ("use:\n  errors: {no: {type: text, status: 400}}\ndo:\n  - say: {set: {a: 1}}\n", ":3:"),
    ],
)
def test_what_the_schema_refuses_does_not_run(caseway, write, body, place):
    file = write(body)
    said = caseway("run", file)
    assert said.code == 1
    assert place in said.err and "caseway validate" in said.err
    assert caseway("validate", file).code == 1


def test_a_warning_keeps_no_workflow_from_running(caseway, write):
    assert caseway("run", write(ECHO + "unknown: 1\n")).code == 0


def test_a_value_may_stand_where_a_text_is_written(caseway, write):
    body = "do:\n  - work:\n      run:\n        shell: {command: cat, stdin: '$[[ params.number ]]'}\n"
    said = caseway("run", write(body), "-p", "number=5", "--format", "json")
    assert said.json["output"] == "5"
