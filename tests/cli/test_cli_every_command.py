"""What holds for every command of the tree, whatever it does."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from caseway.cli.main import cli

EXITS = {0, 1, 2}


def leaves(
    group: click.Group, words: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that is no group, with the words that call it."""
    context = click.Context(group, info_name="caseway")
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from leaves(command, (*words, name))
        else:
            yield (*words, name), command


COMMANDS = dict(leaves(cli))
ENDLESS = {("serve", "web"), ("serve", "all")}  # they answer until told to stop: tests/server runs them
every_command = pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
every_command_that_ends = pytest.mark.parametrize(
    "words", [words for words in COMMANDS if words not in ENDLESS], ids=" ".join
)


def arguments_of(command: click.Command) -> list[str]:
    """Something for each argument that the command cannot do without."""
    given = []
    for parameter in command.params:
        if isinstance(parameter, click.Argument) and parameter.required:
            choices = getattr(parameter.type, "choices", None)
            given.append(choices[0] if choices else "x")
    return given


def test_the_tree_is_walked_whole():
    assert {("validate",), ("process", "diff"), ("db", "migrate")} <= set(COMMANDS)


@every_command
def test_help_is_there_and_warns_of_nothing(words):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = CliRunner().invoke(cli, [*words, "--help"])
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("Usage: ")


@every_command_that_ends
def test_json_alone_stands_on_stdout_where_there_is_no_project(words, caseway, folder):
    said = caseway(*words, *arguments_of(COMMANDS[words]), "--format", "json", stdin="")
    assert said.code in EXITS, said.out + said.err
    json.loads(said.out)
    if said.code == 1 and "error" in said.json:
        assert {"code", "message", "place", "hint"} <= set(said.json["error"])
    assert "Traceback" not in said.err


@every_command_that_ends
def test_json_alone_stands_on_stdout_in_a_project_that_was_never_applied(words, caseway, project):
    said = caseway(*words, *arguments_of(COMMANDS[words]), "--format", "json", stdin="")
    assert said.code in EXITS, said.out + said.err
    json.loads(said.out)


@every_command
def test_wrong_usage_is_json_too_and_exits_with_2(words, caseway, folder):
    said = caseway(*words, "--no-such-option", "--format", "json")
    assert said.code == 2
    assert said.json["error"]["code"] == "usage"


@every_command
def test_json_may_be_asked_for_before_the_command(words, caseway, folder):
    said = caseway("--format", "json", *words, "--no-such-option")
    assert said.code == 2
    assert said.json["error"]["code"] == "usage"
