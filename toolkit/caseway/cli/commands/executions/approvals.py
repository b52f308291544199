"""`caseway executions approvals`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import print_json, print_table, say
from caseway.cli.session import Session

COLUMNS = {
    "execution": "EXECUTION",
    "instance": "INSTANCE",
    "task": "TASK",
    "title": "TITLE",
    "status": "STATUS",
    "deadline": "DEADLINE",
}


@click.command("approvals")
@click.option("--instance", default="", metavar="NAME", help="Only of this instance.")
@click.option("--execution", default="", metavar="ID", help="Only of this execution.")
@click.option(
    "--status",
    type=click.Choice(["pending", "approved", "rejected", "expired", "all"]),
    default="pending",
    show_default=True,
    help="Only with this status.",
)
@click.option(
    "--tokens", is_flag=True, help="Each pending one's token, to be passed on: whoever has it may decide."
)
@session_options()
@with_session
def command(session: Session, instance: str, execution: str, status: str, tokens: bool) -> None:
    """List what waits for a person's decision, the oldest first."""
    from caseway.operations.client import every

    with session.client() as client:
        rows = every(client, "approvals.list", instance=instance, execution=execution, status=status)
        if tokens:
            for row in rows:
                if row["status"] == "pending":
                    told = client.call("approvals.token", execution=row["execution"], id=row["id"])
                    row["token"] = told["token"]
    if session.is_json:
        print_json({"approvals": rows})
        return
    print_table(rows, COLUMNS | ({"token": "TOKEN"} if tokens else {}), empty="nothing waits for a decision")
    if rows and status == "pending":
        say("decide with: caseway executions decide EXECUTION --approve (or --reject)", err=True)
