"""`caseway doctor`: what is wrong with this set-up, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import clean, paint, print_json, say
from caseway.cli.session import Session

if TYPE_CHECKING:
    from caseway.cli.examine import Finding

MARKS = {
    "ok": ("✓", "green"),
    "warning": ("!", "yellow"),
    "error": ("✗", "red"),
    "skipped": ("-", "bright_black"),
}


@click.command("doctor")
@click.option("--checklist", metavar="INSTANCE", default="", help="The production checklist of an instance.")
@session_options()
@with_session
def command(session: Session, checklist: str) -> int:
    """Check what Caseway stands on: Python, git, SQLite, the project, the database and its migrations, key
    file, cache, leases and templates; then why something does not deploy, is not called, fails at once, or is
    slow. Exits 1 when a check found an error.
    """
    from caseway.cli.examine import Finding, examine

    if checklist:
        with session.client() as client:
            answer = client.call("doctor.checklist", name=checklist)
        return _shown(session, [Finding(**item) for item in answer["findings"]], "ready")
    return _shown(session, examine(session), "healthy")


def _shown(session: Session, findings: Sequence[Finding], verdict: str) -> int:
    is_well = all(item.state != "error" for item in findings)
    if session.is_json:
        checks = [
            {"check": item.check, "state": item.state, "message": item.message, "hint": item.hint}
            for item in findings
        ]
        print_json({verdict: is_well, "checks": checks})
        return 0 if is_well else 1
    width = max(len(item.check) for item in findings)
    for item in findings:
        mark, colour = MARKS[item.state]
        say(f"{paint(mark, colour)} {item.check.ljust(width)}  {clean(item.message)}")
        if item.hint:
            say(f"  {' ' * width}  {paint('→ ' + clean(item.hint), 'cyan')}")
    return 0 if is_well else 1
