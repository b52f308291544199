"""`caseway ci`: everything a pipeline does with a project, by the event that started it."""

from __future__ import annotations

from pathlib import Path

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.session import Session

_ACTIONS = (
    "validate",
    "plan",
    "apply",
    "promote",
    "preview-up",
    "preview-down",
    "drift",
)


@click.command("ci")
@click.argument("path", type=click.Path(), required=False)
@click.option("--do", metavar="|".join(_ACTIONS), default="", help="Do this, whatever the event would mean.")
@click.option("--preview", metavar="NAME", default="", help="The preview meant; default: pr- and the number.")
@click.option("--previews/--no-previews", default=True, help="Whether pull requests get a preview.")
@click.option("--comments/--no-comments", default=True, help="Whether to comment on pull requests.")
@click.option("--checks/--no-checks", default=True, help="Whether to set a check on pull requests' commits.")
@click.option("--strict", is_flag=True, help="Let warnings fail the run.")
@click.option("--prune", is_flag=True, help="Also prune what the project declared once and no longer does.")
@click.option("--allow-mass-delete", is_flag=True, help="Let pruning pass the mass-delete guard.")
@session_options(stage=True)
@with_session
def command(  # noqa: PLR0913, PLR0917 - one argument per option
    session: Session,
    path: str | None,
    do: str,
    preview: str,
    previews: bool,
    comments: bool,
    checks: bool,
    strict: bool,
    prune: bool,
    allow_mass_delete: bool,
) -> int:
    """Do in a pipeline what the event asks for, and tell the pull request, the commit and later steps.

    A push to a branch that a stage names is validated, planned and applied; a tag or release is promoted; a
    pull request is validated, planned against the stage it would reach, and previewed; when it is closed the
    preview goes; a schedule reports drift; a dispatched workflow says itself. Content from forks is validated
    and planned without any secret.

    Reads the variables of GitHub, Gitea or GitLab pipelines. Exits 1 when something is wrong.
    """
    from caseway.cli.pipeline_run import CiOptions, run_ci

    options = CiOptions(
        path=Path(path) if path else None,
        do=do,
        preview=preview,
        previews=previews,
        comments=comments,
        checks=checks,
        strict=strict,
        prune=prune,
        allow_mass_delete=allow_mass_delete,
    )
    return run_ci(session, options)
