"""`caseway instance update NAME`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.session import Session


@click.command("update")
@click.argument("name")
@click.option("--param", "-p", "params", metavar="NAME=VALUE", multiple=True, help="Set a parameter.")
@click.option(
    "--credential", "bindings", metavar="SLOT=NAME", multiple=True, help="Bind a stored credential."
)
@click.option(
    "--resource", "resources", metavar="NAME=VALUE", multiple=True, help="Set cpu, memory, disk, gpu."
)
@click.option("--version", default=None, help='Pin to a version, or follow a range such as "^1.2" or "*".')
@session_options(stage=True)
@with_session
def command(
    session: Session,
    name: str,
    params: tuple[str, ...],
    bindings: tuple[str, ...],
    resources: tuple[str, ...],
    version: str | None,
) -> int:
    """Change instance NAME: values given are merged into what it has, then it is redeployed if needed."""
    from caseway.cli.deployment_text import print_deployment
    from caseway.cli.instance_name import instance_name
    from caseway.cli.values import pairs_from

    if not (params or bindings or resources or version is not None):
        raise click.UsageError("nothing to change: give --param, --credential, --resource or --version")
    with session.client() as client:
        name = instance_name(session, client, name)
        told = client.call(
            "instances.update",
            name=name,
            parameters=pairs_from(params, "--param") or None,
            credentials=pairs_from(bindings, "--credential") or None,
            resources=pairs_from(resources, "--resource") or None,
            version=version,
        )
    return print_deployment(session, told)
