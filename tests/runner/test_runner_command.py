"""`python -m caseway_runner`: the runner by itself."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from running import a_workflow, setting

HEAVY = {"httpx", "jsonschema", "jsonschema_rs", "yaml", "jq", "caseway"}


def command(*arguments: str, stdin: str = "") -> tuple[int, Any, str]:
    done = subprocess.run(
        [sys.executable, "-m", "caseway_runner", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "flow.yaml"
    path.write_text(
        json.dumps(
            a_workflow(setting("a", {"x": "${ .n + 1 }", "t": "${ $secrets.k }"}), use={"secrets": ["k"]})
        )
    )
    return path


def test_run_prints_the_outcome_as_json(file: Path) -> None:
    code, outcome, _ = command("run", str(file), "--input", '{"n": 1}', "--secret", "k=plain")
    assert code == 0
    assert outcome["status"] == "completed" and outcome["error"] is None
    assert outcome["output"] == {"x": 2, "t": "plain"}
    assert [(task["reference"], task["name"], task["status"]) for task in outcome["tasks"]] == [
        ("/do/0/a", "a", "completed")
    ]


def test_input_comes_from_a_file_or_standard_input(file: Path, tmp_path: Path) -> None:
    (tmp_path / "in.json").write_text('{"n": 5}')
    assert (
        command("run", str(file), "--input", f"@{tmp_path}/in.json", "--secret", "k=1")[1]["output"]["x"] == 6
    )
    assert (
        command("run", str(file), "--input", "-", "--secret", "k=1", stdin='{"n": 7}')[1]["output"]["x"] == 8
    )


def test_a_fault_exits_with_1_and_prints_the_error(file: Path) -> None:
    code, outcome, _ = command("run", str(file), "--input", '{"n": 1}')
    assert code == 1
    assert outcome["error"]["type"].endswith("/authorization")
    assert outcome["error"]["instance"] == "/do/0/a"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "none.yaml"], "cannot read"),
        (["run", "FILE", "--input", "{"], "not JSON"),
        (["run", "FILE", "--secret", "k"], "NAME=VALUE"),
    ],
)
def test_wrong_usage_exits_with_2_and_says_why(file: Path, arguments: list[str], words: str) -> None:
    code, _, errors = command(*[str(file) if argument == "FILE" else argument for argument in arguments])
    assert code == 2 and words in errors and "Traceback" not in errors


def test_a_document_with_errors_does_not_run(file: Path) -> None:
    file.write_text(json.dumps(a_workflow(setting("a", "${ .x | }"))))
    code, _, errors = command("run", str(file))
    assert code == 2 and "/do/0/a/set" in errors
    code, found, _ = command("check", str(file))
    assert code == 1 and found[0]["kind"] == "expression"


def test_a_journal_file_resumes_a_run(file: Path, tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    first = command(
        "run", str(file), "--input", '{"n": 1}', "--secret", "k=1", "--journal", str(journal), "--id", "e"
    )
    journal.write_bytes(journal.read_bytes() + b'{"position": "/do')
    again = command(
        "run", str(file), "--input", '{"n": 1}', "--secret", "k=2", "--journal", str(journal), "--id", "e"
    )
    assert again[1] == first[1], "recorded results are taken, not computed again"


def test_sub_workflows_are_found_in_the_folder(file: Path) -> None:
    task = {"r": {"run": {"workflow": {"namespace": "tests", "name": "child", "version": "latest"}}}}
    file.write_text(json.dumps(a_workflow(task)))
    for version, value in (("1.0.0", 1), ("1.10.0", 3), ("1.9.0", 2)):
        child = a_workflow(setting("v", {"is": value}), name="child")
        child["document"]["version"] = version
        (file.parent / f"child-{version}.yaml").write_text(json.dumps(child))
    assert command("run", str(file))[1]["output"] == {"is": 3}


def test_importing_the_runner_is_light() -> None:
    script = "import caseway_runner, json, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert HEAVY & set(json.loads(done.stdout)) == set()


def test_a_journal_holds_no_secret_and_resumes_as_if_it_did(file: Path, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    words = ["run", str(file), "--input", '{"n": 1}', "--secret", 'k={"deep": ["very \\"secret\\" tëxt"]}']
    first = command(*words, "--journal", str(journal))[1]["output"]
    assert first["t"] == {"deep": ['very "secret" tëxt']}
    text = journal.read_text()
    assert "very" not in text
    assert "secret:k/deep/0" in text
    assert command(*words, "--journal", str(journal))[1]["output"] == first
