"""Every command line that a page shows can be called: command, options, choices, and no word too much."""

from __future__ import annotations

from pathlib import Path

import pytest
from docs_commands import Command, fault, shown
from docs_pages import CLONE, pages

from caseway.cli.main import cli

PAGES = [page for page in pages() if page.name != "CHANGELOG.md"]  # it names what was there once
SHOWN = {page: list(shown(page)) for page in PAGES}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CLONE)))
def test_every_command_line_shown_can_be_called(page: Path) -> None:
    faults = ((command, fault(cli, command.words)) for command in SHOWN[page])
    assert [f"{command.place}: {wrong}" for command, wrong in faults if wrong] == []


def test_the_pages_show_many_command_lines() -> None:
    found = [command for commands in SHOWN.values() for command in commands]
    assert len(found) > 200
    assert any("kubernetes.md" in command.place for command in found)
    assert any(command.words[:2] == ("ci", "--do") for command in found)


@pytest.mark.parametrize(
    "words",
    [
        ("instance", "deleet", "x"),
        ("instance", "delete", "x", "--purge"),
        ("instance", "delete", "x", "--prune"),
        ("instance", "delete", "x", "y"),
        ("plan", "--format", "yaml"),
    ],
)
def test_one_that_cannot_be_called_would_be_noticed(words: tuple[str, ...]) -> None:
    assert fault(cli, words)
    assert Command(words, "here").words == words
