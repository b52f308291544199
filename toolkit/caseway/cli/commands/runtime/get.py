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
    from caseway.cli.runtime_builds import freshness_of, the_runtime
    from caseway.cli.runtime_text import build_facts, runtime_facts
    from caseway.platform.runtimes import list_builds

    with session.platform() as platform:
        organization = session.organization()
        view = the_runtime(platform, organization, name)
        builds = [build_facts(build) for build in list_builds(platform, organization, name)]
        freshness = freshness_of(platform, organization, view)
    facts = {**runtime_facts(view), "freshness": freshness, "builds": builds}
    if session.is_json:
        print_json(facts)
        return
    say(f"{name}: {facts['status']}, {freshness}")
    print_table(builds, COLUMNS, empty="never built")
    if builds and builds[0]["status"] == "failed":
        say(str(builds[0]["log"]))
