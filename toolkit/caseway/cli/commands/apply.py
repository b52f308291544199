"""`caseway apply [PATH|PLAN]`: the platform becomes what the repo says."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.session import Session


@click.command("apply")
@click.argument("path", metavar="[PATH|PLAN]", type=click.Path(), required=False)
@click.option("--ref", metavar="REV", help="Apply this git revision instead of the work tree.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--prune", is_flag=True, help="Also prune what this project declared once and no longer does.")
@click.option("--allow-mass-delete", is_flag=True, help="Let pruning pass the mass-delete guard.")
@click.option("--attach", metavar="ID", default="", help="Look again at an apply that goes on at the server.")
@session_options(stage=True)
@with_session
def command(  # noqa: PLR0913, PLR0917 - one argument per option
    session: Session,
    path: str | None,
    ref: str | None,
    yes: bool,
    prune: bool,
    allow_mass_delete: bool,
    attach: str,
) -> int:
    """Validate, plan, ask, then apply. With a PLAN file: apply exactly that, if nothing changed since.

    Every step commits on its own: after an interruption run apply again and it goes on where it was. With
    CASEWAY_SERVER the server plans and applies, and goes on even when this process is interrupted.
    """
    from caseway.cli.applying import apply_all, apply_saved, attach_to
    from caseway.cli.pipeline import asked_to_plan, is_plan_file

    if attach:
        return attach_to(session, attach)
    if is_plan_file(path, session.start):
        if ref or prune or allow_mass_delete or session.settings.stage:
            raise click.UsageError("a saved plan is applied as it is; it takes none of --ref --prune --stage")
        assert path is not None
        return apply_saved(session, session.start / path, is_sure=yes)
    request = asked_to_plan(session, path, ref, prune=prune, allow_mass_delete=allow_mass_delete)
    return apply_all(session, request, is_sure=yes)
