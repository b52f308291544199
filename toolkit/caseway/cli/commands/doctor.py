"""`caseway doctor`: what is wrong with this set-up, and what to do about it."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import clean, paint, print_json, say
from caseway.cli.session import Session

MARKS = {
    "ok": ("✓", "green"),
    "warning": ("!", "yellow"),
    "error": ("✗", "red"),
    "skipped": ("-", "bright_black"),
}


@click.command("doctor")
@session_options()
@with_session
def command(session: Session) -> int:
    """Check what Caseway stands on: Python, git, SQLite, the project, the database and its migrations, key
    file, cache, leases, executions and credentials. Exits 1 when a check found an error.
    """
    from caseway.cli.examine import examine

    findings = examine(session)
    is_healthy = all(item.state != "error" for item in findings)
    if session.is_json:
        checks = [
            {"check": item.check, "state": item.state, "message": item.message, "hint": item.hint}
            for item in findings
        ]
        print_json({"healthy": is_healthy, "checks": checks})
        return 0 if is_healthy else 1
    width = max(len(item.check) for item in findings)
    for item in findings:
        mark, colour = MARKS[item.state]
        say(f"{paint(mark, colour)} {item.check.ljust(width)}  {clean(item.message)}")
        if item.hint:
            say(f"  {' ' * width}  {paint('→ ' + clean(item.hint), 'cyan')}")
    return 0 if is_healthy else 1
