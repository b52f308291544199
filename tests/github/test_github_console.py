"""What the runner is told: log, annotations, masks, outputs. Nothing of a repository becomes a command."""

from __future__ import annotations

import itertools
from json import loads as parse_json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caseway.github.console import ActionsConsole, PlainConsole, RunnerFiles, assignment
from caseway.github.outputs import outputs, plan_json
from caseway.github.report import Part, Report
from caseway.model.diagnostic import Diagnostic, Severity
from github.github_world import outputs_of
from github.test_github_page import a_plan, a_report, an_action

FENCE = "5e" * 16


@pytest.fixture
def log() -> list[str]:
    return []


@pytest.fixture
def console(log: list[str], tmp_path: Path) -> ActionsConsole:
    files = RunnerFiles(str(tmp_path / "output"), str(tmp_path / "summary.md"))
    return ActionsConsole(log.append, files, lambda: FENCE)


def commands_of(text: str) -> list[str]:
    """What GitHub's runner takes for commands: it looks at the start of lines, and for `##[` anywhere."""
    found: list[str] = []
    closed = ""
    for line in text.split("\n"):
        word = line.strip()
        if closed:
            closed = "" if word == f"::{closed}::" else closed
        elif word.startswith("::stop-commands::"):
            closed = word.removeprefix("::stop-commands::")
        elif word.startswith("::") or "##[" in word:
            found.append(word)
    return found


@given(
    st.lists(
        st.sampled_from(["::", "##[", "add-mask", "]", " ", "\n", "x", "%0A", "\r", "::error::"]), max_size=12
    )
)
def test_no_log_text_is_a_command(pieces: list[str]) -> None:
    log: list[str] = []
    console = ActionsConsole(log.append, RunnerFiles(), lambda: FENCE)
    console.say("".join(pieces))
    assert commands_of("".join(log)) == []


@given(st.text(max_size=30), st.text(max_size=30))
def test_an_annotation_is_one_command_whatever_it_says(message: str, file: str) -> None:
    log: list[str] = []
    console = ActionsConsole(log.append, RunnerFiles(), lambda: FENCE)
    console.annotate([Diagnostic(file, 3, 1, "", "CW201", Severity.ERROR, message, message)], "a/")
    [line] = "".join(log).removesuffix("\n").split("\n")
    assert line.startswith("::error file=a/")


def test_errors_come_first_for_only_ten_of_a_kind_are_shown(console: ActionsConsole, log: list[str]) -> None:
    kinds = (Severity.NOTE, Severity.WARNING, Severity.ERROR)
    console.annotate([Diagnostic(f"{kind}.yaml", 1, 1, "", "CW201", kind, "m") for kind in kinds], "")
    assert [line.split(" ")[0] for line in "".join(log).splitlines()] == ["::error", "::warning", "::notice"]


def test_a_secret_is_masked(console: ActionsConsole, log: list[str]) -> None:
    console.mask("a%b")
    console.mask("")
    assert log == ["::add-mask::a%25b\n"]


@given(st.text(alphabet=st.characters(blacklist_categories=["Cs"])), st.text(max_size=5))
def test_an_output_is_read_back_as_it_was(value: str, other: str) -> None:
    tokens = (f"{number:032x}" for number in itertools.count())
    text = assignment("summary", value, lambda: next(tokens)) + assignment(
        "next", other, lambda: next(tokens)
    )
    lines = text.split("\n")
    fence = lines[0].removeprefix("summary<<")
    assert "\n".join(lines[1 : lines.index(fence, 1)]) == value


def test_a_value_cannot_close_its_own_fence() -> None:
    tokens = iter(["a", "b"])
    assert (
        assignment("x", "caseway_a\ny=1", lambda: next(tokens)) == "x<<caseway_b\ncaseway_a\ny=1\ncaseway_b\n"
    )


def test_what_was_in_the_files_stays(console: ActionsConsole, tmp_path: Path) -> None:
    (tmp_path / "output").write_text("before=1\n")
    console.output({"changed": "true", "summary": "two\nlines"})
    console.summarise("# A page\n")
    assert (tmp_path / "output").read_text().startswith("before=1\n")
    assert outputs_of(tmp_path / "output") == {"changed": "true", "summary": "two\nlines"}
    assert (tmp_path / "summary.md").read_text() == "# A page\n"


def test_gitlab_gets_a_dotenv_report_of_what_fits_on_a_line(tmp_path: Path, log: list[str]) -> None:
    console = PlainConsole(log.append, str(tmp_path / "caseway.env"))
    console.output({"changed": "true", "preview-url": "https://x.test", "summary": "two\nlines"})
    assert (
        tmp_path / "caseway.env"
    ).read_text() == "CASEWAY_CHANGED=true\nCASEWAY_PREVIEW_URL=https://x.test\n"


# Outputs


def planned(count: int, words: str = "x") -> Report:
    actions = (an_action(f"use-case-{n}", words) for n in range(count))
    return a_report(parts=(Part("shop", "dev", a_plan(*actions)),))


def test_every_output_is_there_when_nothing_was_done() -> None:
    found = outputs(a_report(), "a page", "")
    assert found["changed"] == "false"
    assert (found["plan-json"], found["version"], found["versions"], found["summary"]) == (
        "",
        "",
        "{}",
        "a page",
    )


def test_a_plan_is_the_one_that_the_command_line_prints() -> None:
    value = parse_json(outputs(planned(2), "", "")["plan-json"])
    assert value["formatVersion"] == "1"
    assert [action["name"] for action in value["actions"]] == ["use-case-0@1.0.1", "use-case-1@1.0.1"]
    assert "truncated" not in value


@pytest.mark.parametrize("count", [600, 2_000, 6_000])
def test_a_plan_too_long_for_a_variable_is_cut_and_says_so(count: int) -> None:
    report = planned(count)
    text = outputs(report, "", "")["plan-json"]
    assert len(text.encode()) <= 100_000
    assert parse_json(text)["truncated"] is True
    assert len(parse_json(plan_json(report))["actions"]) == count
