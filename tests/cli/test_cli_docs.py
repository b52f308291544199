"""docs/reference/cli.md is what the commands say of themselves."""

from __future__ import annotations

import click
from click.testing import CliRunner

from caseway.cli.docs import PAGE, main, render
from caseway.cli.main import cli


def leaves(group: click.Group, context: click.Context, path: tuple[str, ...] = ()):
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        inner = click.Context(command, info_name=name, parent=context)
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from leaves(command, inner, (*path, name))


def every_command():
    return list(leaves(cli, click.Context(cli, info_name="caseway")))


def test_the_page_is_up_to_date():
    assert PAGE.read_text() == render()
    assert main(["--check"]) == 0


def test_every_command_and_option_is_on_the_page():
    page = PAGE.read_text()
    for path, command in every_command():
        assert f"`caseway {' '.join(path)}`" in page
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.opts[0] in page


def test_every_command_has_a_help_text_and_every_option_too():
    for path, command in every_command():
        assert command.help, path
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, (path, parameter.opts)


def test_the_tables_name_what_the_commands_are_called():
    for path, command in every_command():
        assert command.name == path[-1]


def test_every_command_that_is_no_group_takes_a_format_and_debug():
    for path, command in every_command():
        if not isinstance(command, click.Group):
            options = {name for parameter in command.params for name in parameter.opts}
            assert {"--format", "--debug", "--color"} <= options, path


def test_help_of_every_command_is_shown():
    for path, _ in every_command():
        result = CliRunner().invoke(cli, [*path, "--help"], prog_name="caseway")
        assert result.exit_code == 0, path
        assert f"caseway {' '.join(path)}" in result.stdout
