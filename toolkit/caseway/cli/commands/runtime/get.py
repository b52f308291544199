"""`caseway runtime get NAME`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import print_json, print_table, say
from caseway.cli.session import Session

COLUMNS = {
    "version": "VERSION",
    "status": "STATUS",
    "image": "IMAGE",
    "startedAt": "STARTED",
    "error": "ERROR",
}


@click.command("get")
@click.argument("name")
@session_options()
@with_session
def command(session: Session, name: str) -> None:
    """Show the runtime NAME: its builds, whether its image is current, and the last lines of its log."""
    from caseway.cli.runtime_builds import freshness_of
    from caseway.cli.runtime_text import build_facts, runtime_facts
    from caseway.operations.client import every

    with session.client() as client:
        told = client.call("runtimes.get", name=name)
        builds = [build_facts(build) for build in every(client, "runtimes.builds", name=name)]
    freshness = freshness_of(session, name, told["build"]["inputs"]) if told["build"] else "never built"
    facts = {**runtime_facts(told), "freshness": freshness, "builds": builds}
    if session.is_json:
        print_json(facts)
        return
    say(f"{name}: {facts['status']}, {freshness}")
    print_table(builds, COLUMNS, empty="never built")
    if builds and builds[0]["status"] == "failed":
        say(str(builds[0]["log"]))
