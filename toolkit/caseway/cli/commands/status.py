"""`caseway status`: what is there and how it does, at one glance."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import clean, paint, print_json, print_table, say
from caseway.cli.session import Session

INSTANCES = {
    "name": "INSTANCE",
    "stage": "STAGE",
    "phase": "PHASE",
    "version": "VERSION",
    "runs": "WORKFLOWS",
    "note": "NOTE",
}
TRIGGERS = {
    "instance": "TRIGGER OF",
    "workflow": "WORKFLOW",
    "methods": "METHOD",
    "url": "URL",
    "authentication": "CALLERS",
}
SCHEDULES = {
    "instance": "SCHEDULE OF",
    "workflow": "WORKFLOW",
    "cron": "CRON",
    "every": "EVERY",
    "after": "AFTER",
    "timezone": "TIMEZONE",
    "nextAt": "NEXT",
}
RECENT = {
    "id": "EXECUTION",
    "instance": "INSTANCE",
    "workflow": "WORKFLOW",
    "status": "STATUS",
    "trigger": "TRIGGER",
    "createdAt": "CREATED",
}


@click.command("status")
@click.option("--recent", default=5, show_default=True, help="How many executions to show.")
@session_options(stage=True)
@with_session
def command(session: Session, recent: int) -> None:
    """Show instances, their versions and conditions, schedules to come and the last executions."""
    from caseway.cli.executions_text import row_of
    from caseway.cli.instance_text import note_of, trigger_rows
    from caseway.operations.client import every

    with session.client() as client:
        whole = client.call("status.get")
        views = every(client, "instances.list", stage=session.settings.stage)
        schedules = sorted(every(client, "schedules.list"), key=lambda item: item["nextAt"] or "~")
        executions = client.call("executions.list", limit=max(recent, 1))["items"][:recent]
    if session.is_json:
        print_json(
            {
                "organization": whole["organization"],
                "revision": whole["revision"],
                "schedules": schedules,
                "instances": views,
                "executions": executions,
            }
        )
        return
    say(paint(clean(whole["organization"]), "", bold=True) + f"  revision {whole['revision']}\n")
    rows = [
        {
            **view,
            "note": note_of(view),
            "runs": " ".join(item["id"] for item in view["workflows"] if item["active"]),
        }
        for view in views
    ]
    print_table(rows, INSTANCES, empty="no instances")
    triggers = [row for view in views for row in trigger_rows(view)]
    if triggers:
        say()
        print_table(triggers, TRIGGERS, empty="")
    if schedules:
        say()
        print_table(schedules, SCHEDULES, empty="")
    if executions:
        say()
        print_table([row_of(view) for view in executions], RECENT, empty="")
