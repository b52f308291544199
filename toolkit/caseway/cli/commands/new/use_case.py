"""`caseway new use-case NAME`: a use case with samples of what one can hold."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import clean, print_json, say
from caseway.cli.project_folder import has_project_file
from caseway.cli.session import Session
from caseway.model.errors import CasewayError


@click.command("use-case")
@click.argument("name")
@click.option(
    "--starter", metavar="USE_CASE", help="Copy this use case of the project instead of the samples."
)
@click.option("--title", help="The title people see; default: made from the name.")
@session_options()
@with_session
def command(session: Session, name: str, starter: str | None, title: str | None) -> None:
    """Add use case NAME: a workflow called over HTTP, one on a schedule, one called by the others,
    and tests for them. They validate and run as they are.
    """
    from caseway.cli.scaffold import copy_starter, name_from, write_use_case

    root = session.project_root()
    if not has_project_file(root):
        raise CasewayError(
            "no caseway.yaml here or above", code="no-project", hint="run 'caseway init' first"
        )
    name = name_from(name, given=True)
    folder = root / "use-cases" / name
    if folder.exists():
        raise CasewayError("this use case exists already", code="exists", place=str(folder))
    title = title or name.replace("-", " ").capitalize()
    made = copy_starter(root, starter, name, title) if starter else write_use_case(root, name, title)
    if session.is_json:
        print_json({"useCase": name, "files": made})
        return
    say(f"Added use case {name}:")
    for file in made:
        say(f"  {clean(file)}")
    say("\nNext: caseway validate && caseway test && caseway apply && caseway trigger " + name)
