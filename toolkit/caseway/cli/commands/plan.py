"""`caseway plan [PATH]`: what apply would do, and why."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import say
from caseway.cli.session import Session

CHANGES = 2


@click.command("plan")
@click.argument("path", type=click.Path(), required=False)
@click.option("--ref", metavar="REV", help="Plan this git revision instead of the work tree.")
@click.option(
    "--since", metavar="REV", default="", help="Refuse when commits since REV add a secret in clear text."
)
@click.option(
    "--out",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Save the plan, to apply exactly it later.",
)
@click.option("--prune", is_flag=True, help="Also plan what becomes of things no longer declared.")
@click.option("--allow-mass-delete", is_flag=True, help="Let pruning pass the mass-delete guard.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 when there are changes.")
@session_options(formats=("text", "json", "markdown"), stage=True)
@with_session
def command(  # noqa: PLR0913, PLR0917 - one argument per option
    session: Session,
    path: str | None,
    ref: str | None,
    since: str,
    out: Path | None,
    prune: bool,
    allow_mass_delete: bool,
    detailed_exitcode: bool,
) -> int:
    """Show what apply would do to the platform, field by field, with the reason for each step.

    Validation runs first. Nothing is changed. Exits 1 when something forbids applying.
    """
    from caseway.cli.noop import Question, plan_key, remember, remembered

    question = Question(path, ref, prune, allow_mass_delete)
    key = "" if out or since else plan_key(session, question)
    known = remembered(key)
    if known is not None:
        click.echo(known)
        return 0
    from caseway.cli.pipeline import asked_to_plan, plan_all, save_plan
    from caseway.cli.plan_output import rendered

    request = asked_to_plan(session, path, ref, prune=prune, allow_mass_delete=allow_mass_delete)
    request = replace(request, since=since)
    plans = plan_all(session, request)
    if out is not None:
        save_plan(plans, out)
    text = rendered(plans, session.settings.format)
    click.echo(text)
    if out is not None:
        say(f"Saved. To apply exactly this: caseway apply {out}", err=True)
    if any(plan.blocked for plan in plans):
        return 1
    if any(not plan.is_empty for plan in plans):
        return CHANGES if detailed_exitcode else 0
    remember(key, session, question, plans, text)
    return 0
