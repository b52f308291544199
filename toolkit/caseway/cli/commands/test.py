"""`caseway test [PATH]`: the repo's WorkflowTests, offline."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.session import Session


@click.command("test")
@click.argument("path", type=click.Path(), required=False)
@click.option(
    "--filter", "-k", "name_filter", metavar="TEXT", default="", help="Only tests with TEXT in the name."
)
@click.option(
    "--coverage/--no-coverage",
    default=True,
    show_default=True,
    help="Say which tasks no test visits, and which branches none takes.",
)
@click.option(
    "--fail-under",
    type=click.FloatRange(0, 100),
    default=None,
    metavar="PERCENT",
    help="Fail when a tested workflow's coverage of tasks is less.",
)
@click.option(
    "--fail-under-branches",
    type=click.FloatRange(0, 100),
    default=None,
    metavar="PERCENT",
    help="Fail when a tested workflow's coverage of branches is less.",
)
@click.option("--allow-processes", is_flag=True, help="Run shell and script tasks that have no stub.")
@session_options(formats=("text", "json", "junit"))
@with_session
def command(  # noqa: PLR0913, PLR0917 - one argument per option
    session: Session,
    path: str | None,
    name_filter: str,
    coverage: bool,
    fail_under: float | None,
    fail_under_branches: float | None,
    allow_processes: bool,
) -> int:
    """Run the WorkflowTests in PATH (a project, a folder or a file in one; default: the project) through the
    real interpreter.

    Calls over the border are answered by each test's stubs; one without a stub fails its task. The clock
    stands still and leaps over waits. Exits 1 when a test fails.
    """
    from caseway.cli.testing import SuiteRequest, run_suite
    from caseway.cli.testing_output import print_suite

    report = run_suite(session, SuiteRequest(path, name_filter, allow_processes))
    print_suite(session, report, shows_coverage=coverage)
    if fail_under is not None and any(item.percent < fail_under for item in report.coverage):
        click.echo(f"coverage is under {fail_under:g} %", err=True)
        return 1
    least = fail_under_branches or 0
    if any(item.branch_percent < least for item in report.coverage):
        click.echo(f"coverage of branches is under {least:g} %", err=True)
        return 1
    return 0 if report.is_passed else 1
