"""`caseway instance install PROCESS [NAME]`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import print_json
from caseway.cli.session import Session


@click.command("install")
@click.argument("process")
@click.argument("name", required=False, default="")
@click.option("--in", "place", default="dev", metavar="STAGE", show_default=True, help="The stage.")
@click.option("--owner", default="", metavar="NAME", help="Whose it is; default: you.")
@click.option("--param", "-p", "params", metavar="NAME=VALUE", multiple=True, help="Set a parameter.")
@click.option(
    "--credential", "bindings", metavar="SLOT=NAME", multiple=True, help="Bind a stored credential."
)
@click.option("--version", default="*", show_default=True, help="A version to pin, or a range to follow.")
@session_options()
@with_session
def command(  # noqa: PLR0913, PLR0917 - one argument per option
    session: Session,
    process: str,
    name: str,
    place: str,
    owner: str,
    params: tuple[str, ...],
    bindings: tuple[str, ...],
    version: str,
) -> None:
    """Install PROCESS as instance NAME (default: process, stage and owner) and deploy it. No project
    declares it, so no apply removes it; it follows new versions in its range."""
    from caseway.cli.instance_text import print_instance
    from caseway.cli.values import pairs_from

    with session.client() as client:
        facts = client.call(
            "instances.install",
            process=process,
            name=name,
            stage=place,
            owner=owner,
            parameters=pairs_from(params, "--param"),
            credentials=pairs_from(bindings, "--credential"),
            version=version,
        )
    if session.is_json:
        print_json(facts)
    else:
        print_instance(facts)
