"""The commands of the getting-started page are run, as they stand, by somebody who follows the page."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from docs_pages import CLONE, Example, examples

PAGE = CLONE / "docs" / "getting-started.md"
STEPS = [example for example in examples(PAGE) if example.note.startswith(("run", "edit"))]


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Everything that was printed while following the page from an empty folder."""
    folder = tmp_path_factory.mktemp("followed")
    home = tmp_path_factory.mktemp("home")
    environment = {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "HOME": str(home),
        "USER": "ada",
    }
    shown = ""
    for step in STEPS:
        if step.note.startswith("edit"):
            _edit(folder / step.note.removeprefix("edit").strip(), step)
            continue
        for line in re.findall(r"^\$ (.*)$", step.text, re.MULTILINE):
            words = shlex.split(line)
            if words[0] == "cd":
                folder = folder / words[1]
                continue
            done = subprocess.run(
                words, cwd=folder, env=environment, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, f"{step.place}: {line}\n{done.stdout}{done.stderr}"
            shown += f"$ {line}\n{done.stdout}{done.stderr}\n"
    return shown


def _edit(file: Path, step: Example) -> None:
    text = file.read_text(encoding="utf-8")
    before = "        default: Hello\n"
    assert before in text, "the page says 'below greeting'; the scaffold has changed"
    file.write_text(text.replace(before, before + step.text, 1), encoding="utf-8")


def test_following_the_page_ends_with_nothing_to_do(followed: str) -> None:
    last = followed.rsplit("$ caseway plan\n", 1)[1]
    assert "nothing to do" in last.lower()


def test_the_page_promises_the_version_that_comes(followed: str) -> None:
    assert "1.0.0" in followed
    assert "1.1.0" in followed.split("caseway status", 1)[1]


def test_the_workflow_greets(followed: str) -> None:
    assert followed.count("Hello, Ada!") >= 2


def test_every_command_of_the_page_is_run() -> None:
    text = PAGE.read_text(encoding="utf-8")
    run = sum(len(re.findall(r"^\$ ", step.text, re.MULTILINE)) for step in STEPS)
    assert run == len(re.findall(r"^\$ ", text, re.MULTILINE))
