"""`caseway executions decide ID`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import clean, painted_status, print_json, say
from caseway.cli.session import Session
from caseway.model.errors import CasewayError


@click.command("decide")
@click.argument("execution_id", metavar="[ID]", required=False, default="")
@click.option("--approve/--reject", "is_approved", default=None, help="The decision.")
@click.option(
    "--data", "given", metavar="JSON|@FILE|-", help="Data for the workflow, as the approval's schema has it."
)
@click.option("--comment", default="", metavar="TEXT", help="A word on why.")
@click.option("--task", default="", metavar="REF", help="The task that asks, when several do.")
@click.option("--token", default="", metavar="TOKEN", help="Decide with a token; then ID is not needed.")
@session_options()
@with_session
def command(  # noqa: PLR0913, PLR0917 - one argument per option
    session: Session,
    execution_id: str,
    is_approved: bool | None,
    given: str | None,
    comment: str,
    task: str,
    token: str,
) -> None:
    """Approve or reject what execution ID asks, once, before its deadline. The execution goes on."""
    from caseway.cli.values import json_from

    if is_approved is None:
        raise click.UsageError("say --approve or --reject")
    if not execution_id and not token:
        raise click.UsageError("name the execution, or give --token")
    data = json_from(given) if given is not None else None
    with session.client() as client:
        if token:
            view = client.call(
                "approvals.redeem", token=token, approve=is_approved, data=data, comment=comment
            )
        else:
            view = client.call(
                "approvals.decide",
                id=execution_id,
                approve=is_approved,
                data=data,
                comment=comment,
                task=task,
            )
    if execution_id and view["execution"] != execution_id:
        raise CasewayError(f"the token was for execution {view['execution']}", code="approval-token")
    if session.is_json:
        print_json(view)
    else:
        say(f"{painted_status(view['status'])}  {clean(view['title'])}  {clean(view['execution'])}")
