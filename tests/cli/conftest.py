"""A command line to call, in a folder of its own, with its own cache and git identity."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_world import Caseway, Said, commit
from click.testing import CliRunner

from caseway.cli.main import cli
from own_world import own_world

__all__ = ["own_world"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, and the current one."""
    made = tmp_path / "work"
    made.mkdir()
    monkeypatch.chdir(made)
    return made


@pytest.fixture
def caseway(folder: Path) -> Caseway:
    """Call the command line."""

    def call(*words: str, stdin: str | None = None) -> Said:
        result = CliRunner().invoke(cli, list(words), input=stdin, prog_name="caseway")
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Said(result.exit_code, result.stdout, result.stderr)

    return call


@pytest.fixture
def project(caseway: Caseway, folder: Path) -> Path:
    """A new project with the use case `hello`, committed."""
    assert caseway("init", "--name", "acme").code == 0
    assert caseway("new", "use-case", "hello").code == 0
    commit(folder, "begin")
    return folder
