"""`caseway instance get NAME`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import clean, facts_of, painted_status, print_json, say
from caseway.cli.session import Session


@click.command("get")
@click.argument("name")
@click.option("--deployments", is_flag=True, help="Its deployments with their timed steps too.")
@session_options(stage=True)
@with_session
def command(session: Session, name: str, deployments: bool) -> None:
    """Show instance NAME: state, version, parameters, workflows and triggers."""
    from caseway.cli.instance_name import instance_name
    from caseway.cli.instance_text import print_instance
    from caseway.platform.views import get_instance, list_deployments

    with session.acting() as (platform, organization):
        name = instance_name(session, platform, organization, name)
        view = get_instance(platform, organization, name)
        history = list_deployments(platform, organization, name) if deployments else []
    if session.is_json:
        more = {"deployments": [facts_of(item) for item in history]} if deployments else {}
        print_json({**facts_of(view), **more})
        return
    print_instance(view)
    for item in history:
        facts = facts_of(item)
        error = clean(facts.get("error") or "")
        say(f"\n{painted_status(str(facts['status']))} {clean(facts['version'])} {error}")
        for step in facts["steps"]:
            say("    " + "  ".join(clean(step[key]) for key in step if step[key] not in (None, "")))
