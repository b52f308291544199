"""`caseway trust add NAME`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import clean, print_json, say
from caseway.cli.session import Session

SCOPES = ("read", "trigger", "deploy", "manage")


@click.command("add")
@click.argument("name")
@click.option(
    "--scope", "scopes", type=click.Choice(SCOPES), multiple=True, required=True, help="May do; repeatable."
)
@click.option("--repository", default="", metavar="OWNER/NAME", help="The repository whose runs come in.")
@click.option("--ref", default="", metavar="PATTERN", help="On this ref, such as refs/heads/main.")
@click.option("--environment", default="", metavar="NAME", help="In this environment of the repository.")
@click.option("--claim", "claims", metavar="NAME=PATTERN", multiple=True, help="Any other claim; repeatable.")
@click.option("--for-project", "project", default="", metavar="NAME", help="For this project alone.")
@click.option("--issuer", default=None, metavar="URL", help="Who signs; default: GitHub Actions.")
@click.option("--audience", default="caseway", show_default=True, help="For whom it is signed.")
@click.option(
    "--good-for", metavar="DURATION", default="1h", show_default=True, help="How long a token is good."
)
@session_options()
@with_session
def command(  # noqa: PLR0913, PLR0917 - one argument per option
    session: Session,
    name: str,
    scopes: tuple[str, ...],
    repository: str,
    ref: str,
    environment: str,
    claims: tuple[str, ...],
    project: str,
    issuer: str | None,
    audience: str,
    good_for: str,
) -> None:
    """Trust assertions of identity that fit, as the rule NAME. In a pattern * stands for anything but /, and
    ** for anything."""
    from caseway.worker.quantities import seconds

    wanted = {"repository": repository, "ref": ref, "environment": environment}
    for claim in claims:
        key, equals, pattern = claim.partition("=")
        if not equals or not key:
            raise click.BadParameter(f"{claim!r} is not NAME=PATTERN", param_hint="--claim")
        wanted[key] = pattern
    with session.client() as client:
        made = client.call(
            "trusts.add",
            name=name,
            claims={key: pattern for key, pattern in wanted.items() if pattern},
            scopes=list(scopes),
            project=project,
            issuer=issuer,
            audience=audience,
            seconds=int(seconds(good_for)),
        )
    if session.is_json:
        print_json(made)
    else:
        told = ", ".join(f"{key} {value}" for key, value in made["claims"].items())
        say(f"trusts {clean(told)}: {clean(', '.join(made['scopes']))}")
