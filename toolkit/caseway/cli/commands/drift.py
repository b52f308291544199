"""`caseway drift [PATH]`: what hands have changed on the platform since the last apply."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import paint, print_json, say
from caseway.cli.session import Session


@click.command("drift")
@click.argument("path", type=click.Path(), required=False)
@click.option("--ref", metavar="REV", help="Compare with this git revision instead of the work tree.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 when there is drift.")
@session_options(stage=True)
@with_session
def command(session: Session, path: str | None, ref: str | None, detailed_exitcode: bool) -> int:
    """Show, field by field, where instances and live workflows differ from what was applied.

    The next apply repairs it; fields named under spec.drift.ignore of caseway.yaml are left alone.
    """
    from dataclasses import replace

    from caseway.cli.pipeline import asked_to_plan, plan_all
    from caseway.cli.plan_output import actions_json, rendered
    from caseway.reconcile.drift import drift_of

    plans = plan_all(session, asked_to_plan(session, path, ref))
    drifts = [replace(plan, actions=drift_of(plan)) for plan in plans]
    found = sum(len(plan.actions) for plan in drifts)
    if session.is_json:
        print_json({"drift": [action for plan in drifts for action in actions_json(plan)]})
    elif found:
        click.echo(rendered(drifts, "text"))
    else:
        say(paint("no drift", "green", bold=True), err=True)
    return 2 if found and detailed_exitcode else 0
