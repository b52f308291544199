"""`caseway process get NAME`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import print_json
from caseway.cli.session import Session


@click.command("get")
@click.argument("name")
@click.option("--version", default="", help="The whole frozen template of this version, as JSON.")
@session_options(stage=True)
@with_session
def command(session: Session, name: str, version: str) -> None:
    """Show process NAME with all its versions, or one version's frozen template.

    With --stage only the versions that run there, and in which instances.
    """
    from caseway.cli.process_text import print_process
    from caseway.cli.stage_versions import running_in

    with session.client() as client:
        if version:
            print_json(client.call("templates.get", process=name, version=version))
            return
        facts = client.call("processes.get", name=name)
        if session.settings.stage:
            running = running_in(client, session.settings.stage).get(name, {})
            kept = [each for each in facts["templates"] if each["version"] in running.values()]
            facts = {**facts, "templates": kept, "running": dict(running)}
    if session.is_json:
        print_json(facts)
    else:
        print_process(facts)
