"""`caseway preview up --id pr-42`."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import print_json
from caseway.cli.session import Session


@click.command("up")
@click.option("--id", "preview", metavar="ID", required=True, help="Its name, such as pr-42.")
@click.option("--base", metavar="REV", default="", help="What the change would be merged into.")
@click.option("--ref", metavar="REV", help="The change, as a git revision instead of the work tree.")
@click.option("--link", metavar="URL", default="", help="Where the change is discussed.")
@click.option(
    "--sequence", type=click.IntRange(0), default=0, help="Of several runs for one id, the highest counts."
)
@session_options()
@with_session
def command(session: Session, preview: str, base: str, ref: str | None, link: str, sequence: int) -> int:
    """Bring up a stage of its own for a change: only the use cases that it touches, with their own
    instances, addresses and data.

    Without --base everything counts that differs from what the platform has. Called again, the preview is
    brought to the new state in place.
    """
    from caseway.cli.previewing import print_preview
    from caseway.delivery.preview import ChangeRequest, preview_request, preview_up

    root = session.project_root()
    organization = session.settings.organization
    asked = preview_request(ChangeRequest(root, preview, ref, base, organization, link, sequence))
    with session.client(root, asked.head.organization, create=True) as client:
        made = preview_up(client, asked)
    if session.is_json:
        print_json(made)
    else:
        print_preview(made)
    return 0 if made["status"] == "ready" else 1
