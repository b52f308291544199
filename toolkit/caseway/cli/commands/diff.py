"""`caseway diff [USE_CASE]`: the repo beside the platform, or two git revisions."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.session import Session


@click.command("diff")
@click.argument("use_case", required=False)
@click.option("--ref", metavar="REV", help="The newer side: this git revision instead of the work tree.")
@click.option(
    "--from",
    "before",
    metavar="VERSION|REV",
    help="The older side: a platform version or a git revision; default: what runs in --stage, else the "
    "newest version.",
)
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 when there are differences.")
@session_options(stage=True)
@with_session
def command(
    session: Session, use_case: str | None, ref: str | None, before: str | None, detailed_exitcode: bool
) -> int:
    """Show in which fields the repo's templates differ from the platform's (or from a revision's)."""
    from caseway.cli.comparing import compare_all
    from caseway.cli.diff_text import as_json, say_comparison
    from caseway.cli.output import print_json, say

    found = compare_all(session, use_case, ref=ref, before=before)
    differing = [item for item in found if item.changes]
    if session.is_json:
        print_json({"comparisons": [as_json(item) for item in differing]})
    else:
        for item in differing:
            say_comparison(item)
        if not differing:
            say(f"no difference in {len(found)} use cases", err=True)
    return 2 if differing and detailed_exitcode else 0
