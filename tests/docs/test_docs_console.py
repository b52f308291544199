"""The commands of the pages are typed, one after the other, in the project that the pages talk about."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from docs_pages import CLONE, examples
from docs_world import DOCS, a_parameter_more, a_project, commands, git, steps

from caseway.cli.main import cli

PAGES = [page for page in sorted(DOCS.glob("*.md")) if steps(page)]
IDS = {
    "cwp_1a2b3c4d": ("caseway token list", r"cwp_[0-9a-f]+"),
    "5f0d3c6b9a1e4f7788c2d0aa": ("caseway executions list", r"(?m)^[0-9a-f]{24,}"),
}
SHELL = re.compile(r"[|><$&;]")


def alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of whoever runs the tests: neither settings nor home."""
    for name in [each for each in os.environ if each.startswith("CASEWAY_")]:
        if name != "CASEWAY_TEST_CACHE":
            monkeypatch.delenv(name)
    home = folder / "home"
    home.mkdir()
    (home / ".gitconfig").write_text("[user]\nname = Ada\nemail = ada@acme.example\n")
    settings = {
        "HOME": str(home),
        "GIT_CONFIG_GLOBAL": str(home / ".gitconfig"),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "USER": "ada",
        "TOKEN": "the-token",
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project, applied in two versions, with a credential and an execution; it is the current folder."""
    alone(tmp_path, monkeypatch)
    folder = tmp_path / "acme"
    a_project(folder)
    monkeypatch.chdir(folder)
    typed("caseway apply --yes")
    typed("caseway credential set ledger-sandbox --type bearer", "the-token\n")
    git(folder, "tag", "v1.4.0")
    a_parameter_more(folder)
    typed("caseway apply --yes")
    typed("caseway trigger day-summary tell")
    return folder


def typed(line: str, answers: str = "") -> str:
    """What is printed when somebody types this line; it must go well."""
    if line.startswith("caseway ") and not SHELL.search(line):
        answer = CliRunner().invoke(cli, shlex.split(line)[1:], input=answers, prog_name="caseway")
        if "There is nobody to ask" in answer.output:  # somebody at a terminal says yes
            return typed(f"{line} --yes", answers)
        assert answer.exit_code == 0, f"$ {line}\n{answer.output}"
        return str(answer.output)
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", line], capture_output=True, text=True)
    assert done.returncode == 0, f"$ {line}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def with_ids(line: str) -> str:
    """The line with an id of here in place of the one that the page shows."""
    for shown, (asked, pattern) in IDS.items():
        if shown in line:
            found = re.search(pattern, typed(asked))
            assert found, f"nothing like {pattern} in what {asked!r} prints"
            line = line.replace(shown, found[0])
    return line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_commands_of_a_page_work_one_after_the_other(page: Path, project: Path) -> None:
    for step in steps(page):
        for line in commands(step):
            typed(with_ids(line), "the-answer\n")


def test_the_minute_of_the_readme_is_what_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [minute] = [each for each in examples(CLONE / "README.md") if "$ caseway init" in each.text]
    alone(tmp_path, monkeypatch)
    monkeypatch.chdir(tmp_path)
    assert "Hello, Ada!" in typed("; ".join(commands(minute)))


def test_many_pages_have_commands_that_are_typed() -> None:
    assert sum(len(commands(step)) for page in PAGES for step in steps(page)) > 60
