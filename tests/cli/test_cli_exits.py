"""One place turns errors into exits."""

from __future__ import annotations

import json
import subprocess
import sys

import click
import pytest

from caseway.cli.exits import run_to_exit
from caseway.model.errors import CasewayError


def left_with(run, args=()) -> int:
    with pytest.raises(SystemExit) as left:
        run_to_exit(run, list(args))
    return left.value.code


def failing(error: BaseException):
    def run():
        raise error

    return run


def test_a_command_s_number_is_the_exit_code():
    assert left_with(lambda: 2) == 2


def test_a_command_that_returns_nothing_exits_with_0():
    assert left_with(lambda: None) == 0


def test_what_the_user_can_mend_exits_with_1_and_says_place_and_hint(capsys):
    error = CasewayError("no such thing", code="gone", place="a.yaml:3:1", hint="look there")
    assert left_with(failing(error)) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "error: a.yaml:3:1: no such thing\n  hint: look there\n"


def test_errors_in_json_stand_alone_on_stdout(capsys):
    error = CasewayError("no such thing", code="gone", place="a", hint="b")
    assert left_with(failing(error), ["--format", "json"]) == 1
    said = capsys.readouterr()
    assert json.loads(said.out) == {
        "error": {"code": "gone", "message": "no such thing", "place": "a", "hint": "b"}
    }
    assert said.err == ""


def test_a_bug_exits_with_3_and_a_report_without_traceback(capsys):
    assert left_with(failing(KeyError("oops")), ["run", "--secret", "erp=hunter2", "--param=x=1"]) == 3
    said = capsys.readouterr().err
    assert "this is a bug" in said
    assert "KeyError" in said
    assert "Traceback" not in said
    assert "hunter2" not in said
    assert "--secret" in said


def test_debug_shows_the_traceback(capsys):
    assert left_with(failing(KeyError("oops")), ["--debug"]) == 3
    assert "Traceback" in capsys.readouterr().err


def test_an_error_shows_its_traceback_only_with_debug(capsys):
    left_with(failing(CasewayError("x")))
    assert "Traceback" not in capsys.readouterr().err
    left_with(failing(CasewayError("x")), ["--debug"])
    assert "Traceback" in capsys.readouterr().err


def test_interrupting_exits_with_130():
    assert left_with(failing(KeyboardInterrupt())) == 130
    assert left_with(failing(click.Abort())) == 130


def test_a_missing_file_is_the_user_s_to_mend(capsys):
    assert left_with(failing(FileNotFoundError(2, "No such file", "x.yaml"))) == 1
    assert "x.yaml" in capsys.readouterr().err


def test_control_characters_in_messages_cannot_steer_the_terminal(capsys):
    left_with(failing(CasewayError("bad \x1b[2J name", place="a\nb")))
    said = capsys.readouterr().err
    assert "\x1b" not in said
    assert "a\\x0ab" in said


def test_a_closed_pipe_ends_quietly():
    script = f"{sys.executable} -m caseway schema Workflow | head -c 10"
    answer = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert answer.stderr == ""
