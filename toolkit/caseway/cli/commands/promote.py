"""`caseway promote NAME STAGE`: the commit or pull request that moves a pin."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.session import Session


@click.command("promote")
@click.argument("name")
@click.argument("stage")
@click.option("--version", default="", help="The version; default: the newest that the platform has.")
@click.option("--owner", default="", metavar="NAME", help="Whose instance, when there are several.")
@click.option("--dry-run", is_flag=True, help="Show the change only.")
@click.option("--branch", default="", metavar="NAME", help="Commit to a new branch instead of this one.")
@click.option("--pull-request", is_flag=True, help="Push the branch and open a pull request.")
@click.option(
    "--base", default="", metavar="BRANCH", help="What the pull request is for; default: this branch."
)
@session_options()
@with_session
def command(  # noqa: PLR0913, PLR0917 - one argument per option
    session: Session,
    name: str,
    stage: str,
    version: str,
    owner: str,
    dry_run: bool,
    branch: str,
    pull_request: bool,
    base: str,
) -> int:
    """Make STAGE run a version of use case NAME, by commit: the version in the Instance document moves, and
    comments and layout stay. A stage without one gets a document.

    Deploying is what the commit does when it is pushed. To promote at once and without git, use 'caseway
    process promote'.
    """
    from caseway.cli.promoting import Wanted, promote

    return promote(session, Wanted(name, stage, version, owner, dry_run, branch, pull_request, base))
