"""`caseway init [DIR]`: a folder becomes a project."""

from __future__ import annotations

from pathlib import Path

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import clean, print_json, say
from caseway.cli.project_folder import has_project_file
from caseway.cli.session import Session
from caseway.model.errors import CasewayError


@click.command("init")
@click.argument("directory", type=click.Path(file_okay=False), default=".")
@click.option("--name", help="The project's name; default: the folder's.")
@click.option("--git/--no-git", default=True, help="Make it a git repository when it is in none.")
@session_options(project=False)
@with_session
def command(session: Session, directory: str, name: str | None, git: bool) -> None:
    """Write caseway.yaml and the folders of a project into DIRECTORY (default: here)."""
    from caseway.cli.scaffold import is_in_git, make_git, name_from, write_project

    root = Path(directory)
    if has_project_file(root):
        raise CasewayError(
            "this folder is a Caseway project already",
            code="exists",
            place=str(root),
            hint="add a use case with 'caseway new use-case NAME'",
        )
    project = name_from(name or root.resolve().name, given=name is not None)
    made = write_project(root, project)
    is_new_repository = git and not is_in_git(root)
    if is_new_repository:
        make_git(root)
    if session.is_json:
        print_json({"project": project, "root": str(root.resolve()), "files": made, "git": is_new_repository})
        return
    say(f"Made project {project} in {clean(root)}:")
    for file in made:
        say(f"  {clean(file)}")
    if is_new_repository:
        say("and a git repository around it.")
    where = "" if root.resolve() == Path.cwd() else f"cd {clean(root)} && "
    say(f"\nNext: {where}caseway new use-case NAME")
