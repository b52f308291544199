"""Previews, watching, pulled projects and `caseway dev` on the command line."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import httpx
import pytest
from click.testing import CliRunner, Result

from caseway.cli.main import cli
from delivery.git_world import a_bare, a_clone, commit
from delivery.watched import a_project, a_workflow

ENOUGH = 120.0  # seconds after which something hangs

Call = Callable[..., Result]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = a_project(a_clone(tmp_path / "work", "nowhere"), "hello", "other")
    commit(folder)
    return folder.resolve()


@pytest.fixture
def caseway(root: Path) -> Call:
    def call(*words: str, code: int = 0) -> Result:
        result = CliRunner().invoke(cli, ["-C", str(root), *words], prog_name="caseway")
        assert result.exit_code == code, result.output
        return result

    return call


def test_a_preview_from_beginning_to_end(caseway: Call, root: Path) -> None:
    caseway("apply", "--yes")
    a_workflow(root, "hello", "changed")

    shown = caseway("preview", "up", "--id", "pr-42", "--base", "HEAD").stdout

    assert "preview pr-42: ready" in shown
    assert "hello 1.0.1 (patch: content changed, contract kept)" in shown
    assert "caseway trigger hello--pr-42" in shown
    assert "changed" in caseway("trigger", "hello--pr-42").stdout
    assert "hello 1.0.1" in caseway("preview", "list").stdout
    told = json.loads(caseway("preview", "list", "--format", "json").stdout)
    assert [item["id"] for item in told["previews"]] == ["pr-42"]
    assert "nothing to take away" in caseway("preview", "gc").stderr
    caseway("preview", "down", "--id", "pr-42")
    assert "no previews" in caseway("preview", "list").stderr
    assert json.loads(caseway("preview", "gc", "--keep", "x", "--format", "json").stdout) == {"destroyed": []}


def test_a_preview_that_does_not_hold_changes_nothing(caseway: Call, root: Path) -> None:
    caseway("apply", "--yes")
    a_workflow(root, "hello", 'x"]')
    assert "main.yaml:4" in caseway("preview", "up", "--id", "pr-42", "--base", "HEAD", code=1).stderr
    assert "no previews" in caseway("preview", "list").stderr


def test_watching_once(caseway: Call, root: Path) -> None:
    assert "live hello, other" in caseway("watch", "--once").stderr
    assert "unchanged" in caseway("watch", "--once").stderr
    a_workflow(root, "hello", 'x"]')
    said = caseway("watch", "--once", code=1).stderr
    assert "main.yaml:4" in said
    assert "the version before goes on serving" in said
    told = json.loads(caseway("watch", "--format", "json", code=1).stdout)
    files = [item["file"] for item in told["diagnostics"] if item["severity"] == "error"]
    assert (told["status"], files) == ("invalid", ["use-cases/hello/workflows/main.yaml"])


def test_a_pulled_project_from_beginning_to_end(caseway: Call, root: Path, tmp_path: Path) -> None:
    bare = a_bare(tmp_path / "acme.git")
    (tmp_path / "secret").write_text("the secret\n")
    words = ("project", "add", "acme", f"file://{bare}", "--every", "5m", "--heal")
    shown = caseway(*words, "--hook-secret-file", str(tmp_path / "secret")).stdout
    assert "300 s" in shown
    assert "the secret" not in shown
    assert "suspended" in caseway("project", "suspend", "acme").stdout
    assert "waiting" in caseway("project", "resume", "acme").stdout
    told = json.loads(caseway("project", "status", "--format", "json").stdout)
    assert [item["project"] for item in told["projects"]] == ["acme"]
    caseway("project", "pull", "acme")
    caseway("project", "remove", "acme")
    assert "no project is pulled" in caseway("project", "status").stderr
    assert "cannot be pulled from" in caseway("project", "add", "acme", "ext::sh", code=1).stderr


@pytest.fixture
def dev(root: Path) -> Iterator[subprocess.Popen[str]]:
    """`caseway dev` on a free port."""
    words = [sys.executable, "-m", "caseway", "-C", str(root), "dev", "--port", "0", "--no-open"]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    yield process
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=ENOUGH)
    assert process.stderr is not None
    process.stderr.close()


def line_with(stream: IO[str], pattern: str) -> re.Match[str]:
    """The first line from now on in which `pattern` is found."""
    for line in stream:
        found = re.search(pattern, line)
        if found:
            return found
    raise AssertionError(f"no line with {pattern}")


def test_everything_in_one_process(root: Path, request: pytest.FixtureRequest) -> None:
    use_case = root / "use-cases/hello/usecase.yaml"
    trigger = "      triggers: [{id: web, type: http, method: POST, path: /hello, auth: none}]\n"
    use_case.write_text(use_case.read_text() + trigger)
    process = request.getfixturevalue("dev")
    assert process.stderr is not None
    url = line_with(process.stderr, r"ready at (http://\S+);")[1]
    line_with(process.stderr, "live hello, other")
    hook = line_with(process.stderr, r"POST (http://\S+/hello)")[1]
    assert hook.startswith(url)

    assert httpx.post(hook, json={}, timeout=ENOUGH).json()["text"] == "hello"
    a_workflow(root, "hello", "changed")
    answers: list[str] = []
    for _ in range(int(ENOUGH / 0.05)):
        answer = httpx.post(hook, json={}, timeout=ENOUGH)
        assert answer.status_code == 200, answer.text
        answers.append(answer.json()["text"])
        if answers[-1] == "changed":
            break
        time.sleep(0.05)
    assert answers[-1] == "changed"

    a_workflow(root, "hello", 'x"]')
    line_with(process.stderr, r"main\.yaml:4:\d+: error")
    line_with(process.stderr, "the version before goes on serving")
    assert httpx.post(hook, json={}, timeout=ENOUGH).json()["text"] == "changed"

    a_workflow(root, "hello", "mended")
    line_with(process.stderr, "live hello")
    assert httpx.post(hook, json={}, timeout=ENOUGH).json()["text"] == "mended"

    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=ENOUGH) == 0
