"""What act does not emulate is judged by linters and by reading: triggers, permissions, pins, injections."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from action_world import CLONE, documented_workflow

from caseway.github.outputs import outputs
from github.test_github_page import a_report

BIN = Path(sys.executable).parent
WORKFLOWS = sorted((CLONE / ".github" / "workflows").glob("*.yml"))
ACTION = yaml.safe_load((CLONE / "action.yml").read_text())
GUIDE = CLONE / "docs" / "github-action.md"


def run(*command: str | Path, cwd: Path = CLONE) -> subprocess.CompletedProcess[str]:
    if not Path(command[0]).exists():
        pytest.skip(f"{Path(command[0]).name} is not installed")
    return subprocess.run([str(each) for each in command], cwd=cwd, capture_output=True, text=True)


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what linters look at, with the documented workflow among the others."""
    folder = tmp_path_factory.mktemp("judged")
    workflows = folder / ".github" / "workflows"
    workflows.mkdir(parents=True)
    for file in WORKFLOWS:
        (workflows / file.name).write_text(file.read_text())
    (workflows / "documented.yml").write_text(documented_workflow())
    for name in ("action.yml", "zizmor.yml"):
        (folder / name).write_text((CLONE / name).read_text())
    (folder / ".github" / "action").symlink_to(CLONE / ".github" / "action")
    subprocess.run(["git", "init", "-q", folder], check=True)
    return folder


def test_zizmors_auditor_finds_nothing(judged: Path) -> None:
    done = run(
        BIN / "zizmor",
        "--offline",
        "--no-progress",
        "--persona",
        "auditor",
        "--strict-collection",
        ".",
        cwd=judged,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_actionlint_finds_nothing(judged: Path) -> None:
    done = run(BIN / "actionlint", cwd=judged)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("schema", "pattern"), [("github-workflows", ".github/workflows/*.yml"), ("github-actions", "action.yml")]
)
def test_the_forges_own_schema_is_kept(judged: Path, schema: str, pattern: str) -> None:
    done = run(
        BIN / "check-jsonschema",
        "--builtin-schema",
        f"vendor.{schema}",
        *sorted(judged.glob(pattern)),
        cwd=judged,
    )
    assert done.returncode == 0, done.stdout


def test_shellcheck_finds_nothing() -> None:
    done = run(BIN / "shellcheck", *sorted((CLONE / ".github" / "action").glob("*.sh")))
    assert done.returncode == 0, done.stdout


def test_no_script_holds_an_expression() -> None:
    steps = ACTION["runs"]["steps"]
    for text in [step["run"] for step in steps if "run" in step]:
        assert "${{" not in text
    for file in (CLONE / ".github" / "action").glob("*.sh"):
        assert "${{" not in file.read_text()


@pytest.mark.parametrize("text", [documented_workflow(), *(file.read_text() for file in WORKFLOWS)])
def test_workflows_grant_only_what_is_needed(text: str) -> None:
    workflow: dict[Any, Any] = yaml.safe_load(text)
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        assert set(job["permissions"]) <= {"contents", "pull-requests", "checks", "deployments", "id-token"}
        assert job["permissions"]["contents"] == "read"


@pytest.mark.parametrize("text", [documented_workflow(), *(file.read_text() for file in WORKFLOWS)])
def test_workflows_listen_for_every_event_of_a_requests_life(text: str) -> None:
    workflow: dict[Any, Any] = yaml.safe_load(text)
    triggers = workflow[True]  # YAML 1.1 reads `on` as a boolean
    assert set(triggers["pull_request"]["types"]) == {"opened", "synchronize", "reopened", "closed"}
    assert "pull_request_target" not in triggers


def test_everything_foreign_is_pinned_to_a_commit() -> None:
    texts = [
        documented_workflow(),
        (CLONE / "action.yml").read_text(),
        *(file.read_text() for file in WORKFLOWS),
    ]
    for text in texts:
        for used in re.findall(r"uses: (\S+)", text):
            assert used == "./" or used.startswith("caseway/") or re.search(r"@[0-9a-f]{40}$", used), used


def test_every_input_and_output_is_documented_as_it_is() -> None:
    text = GUIDE.read_text()
    for name, each in ACTION["inputs"].items():
        row = re.search(rf"^\| `{name}` \| ([^|]*)\|", text, re.MULTILINE)
        assert row is not None, name
        assert row[1].strip().strip("`") == (
            "the run's own" if name == "github-token" else each["default"]
        ), name
    for name in ACTION["outputs"]:
        assert f"`{name}`" in text, name


def test_every_input_reaches_the_command() -> None:
    script = (CLONE / ".github" / "action" / "run.sh").read_text()
    given = next(step["env"] for step in ACTION["runs"]["steps"] if step.get("id") == "ci")
    for name in set(ACTION["inputs"]) - {"github-token", "python", "cache"}:
        variable = f"INPUT_{name.upper().replace('-', '_')}"
        assert given[variable] == f"${{{{ inputs.{name} }}}}"
        assert f"${variable}" in script
    assert given["GITHUB_TOKEN"] == "${{ inputs.github-token }}"


def test_every_output_is_made() -> None:
    assert set(outputs(a_report(), "", "")) == set(ACTION["outputs"])


def test_the_pins_are_those_of_the_project() -> None:
    def pins(file: Path) -> dict[str, str]:
        return dict(re.findall(r"^([\w.-]+)==(\S+)", file.read_text(), re.MULTILINE))

    own, whole = pins(CLONE / ".github" / "action" / "requirements.lock"), pins(CLONE / "requirements.lock")
    assert own
    assert {name: whole.get(name) for name in own} == own


def test_every_dependency_of_the_command_is_pinned() -> None:
    listed = tomllib.loads((CLONE / "pyproject.toml").read_text())["project"]["dependencies"]
    names = {re.split(r"[<>=\[ ]", each)[0].lower() for each in listed}
    own = (CLONE / ".github" / "action" / "requirements.lock").read_text()
    assert {name for name in names if not re.search(rf"^{name}==", own, re.MULTILINE)} == set()
