"""`caseway completion SHELL`: the script that makes a shell complete Caseway's commands and options."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import print_json, say
from caseway.cli.session import Session

HOW = {
    "bash": 'eval "$(caseway completion bash)"   # in ~/.bashrc',
    "zsh": 'eval "$(caseway completion zsh)"    # in ~/.zshrc',
    "fish": "caseway completion fish > ~/.config/fish/completions/caseway.fish",
}


@click.command("completion")
@click.argument("shell", type=click.Choice(tuple(HOW)))
@session_options(project=False)
@with_session
def command(session: Session, shell: str) -> None:
    """Print the completion script of SHELL.

    bash: eval "$(caseway completion bash)" in ~/.bashrc; zsh likewise in ~/.zshrc;
    fish: caseway completion fish > ~/.config/fish/completions/caseway.fish
    """
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    assert found is not None
    root = click.get_current_context().find_root().command
    # source() of bash asks the installed bash for its version; the script's text alone needs no bash
    complete = found(root, {}, "caseway", "_CASEWAY_COMPLETE")
    script = complete.source_template % complete.source_vars()
    if session.is_json:
        print_json({"shell": shell, "script": script, "install": HOW[shell]})
    else:
        say(script)
