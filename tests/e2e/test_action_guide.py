"""The guide "From zero to push-to-deploy in five minutes", followed literally in an empty folder."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from action_world import CLONE, SLOW, free_port

pytestmark = pytest.mark.timeout(SLOW)
PAGE = (CLONE / "docs" / "push-to-deploy.md").read_text()
STEPS = re.findall(r"<!-- (run|background|replace)(.*?) -->\n```\w+\n(.*?)```", PAGE, re.DOTALL)
IDENTITY = "[user]\nname = Ada\nemail = ada@acme.example\n"


def commands(text: str) -> list[str]:
    return re.findall(r"^\$ (.*)$", text, re.MULTILINE)


def script() -> Iterator[str]:
    """What somebody types who follows the page, each command shown before it runs."""
    yield "set -euo pipefail"
    for kind, words, text in STEPS:
        if kind == "replace":
            file, before, after = (each.strip() for each in words.split("|"))
            yield f"grep -q '{before}' {file}"
            yield f"sed -i 's/{before}/{after}/' {file}"
            continue
        for line in commands(text):
            yield f"printf '%s\\n' '$ {line.replace(chr(39), chr(39) + chr(92) + chr(39) * 2)}'"
            if kind == "run":
                yield line
                continue
            yield f"{line} >$HOME/said 2>&1 &"
            yield "echo $! >$HOME/background"
            alive = "kill -0 $! || { cat $HOME/said; exit 1; }"
            yield f"until (exec 3<>/dev/tcp/127.0.0.1/8080) 2>/dev/null; do {alive}; sleep 0.1; done"
    yield "printf '\\n'"


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Everything that was printed on the way."""
    if shutil.which("curl") is None:
        pytest.skip("the guide uses curl, and it is not here")
    folder, home = tmp_path_factory.mktemp("followed"), tmp_path_factory.mktemp("home")
    (home / ".gitconfig").write_text(IDENTITY)
    environment = {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "HOME": str(home),
        "USER": "ada",
    }
    typed = "\n".join(script()).replace("8080", str(free_port()))
    try:
        done = subprocess.run(
            ["bash", "-c", typed],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SLOW,
        )
    finally:
        background = home / "background"
        if background.exists():
            with suppress(ProcessLookupError):
                os.kill(int(background.read_text()), signal.SIGKILL)
    assert done.returncode == 0, done.stdout
    yield done.stdout


def after(followed: str, command: str, nth: int = 0) -> str:
    """What the nth command that begins so printed."""
    parts = re.split(rf"^\$ {re.escape(command)}.*$", followed, flags=re.MULTILINE)
    assert len(parts) > nth + 1, followed
    return re.split(r"^\$ ", parts[nth + 1], flags=re.MULTILINE)[0]


def test_the_first_push_is_live(followed: str) -> None:
    pushed = after(followed, "git push")
    assert "remote: " in pushed
    assert "live" in pushed
    assert "1.0.0" in after(followed, "caseway status")


def test_the_workflow_answers(followed: str) -> None:
    assert "Hello, Ada!" in after(followed, "curl")


def test_the_second_push_changes_the_answer_at_the_same_address(followed: str) -> None:
    assert "Good day, Ada!" in after(followed, "curl", 1)


def test_a_mistake_is_told_with_its_place_and_serves_nobody(followed: str) -> None:
    pushed = after(followed, "git push", 2)
    assert re.search(r"remote: .*use-cases/greetings/usecase\.yaml:\d+:\d+", pushed)
    assert "1.0.1" in after(followed, "caseway status", 1)


def test_taking_it_back_leaves_nothing_to_do(followed: str) -> None:
    assert "nothing to do" in after(followed, "caseway plan").lower()


def test_every_command_of_the_page_is_typed() -> None:
    typed = sum(len(commands(text)) for kind, _, text in STEPS if kind != "replace")
    assert typed == len(commands(PAGE)) > 15
