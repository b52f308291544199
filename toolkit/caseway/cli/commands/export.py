"""`caseway export USE_CASE`: one use case as one file."""

from __future__ import annotations

from pathlib import Path

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import clean, print_json, say
from caseway.cli.session import Session
from caseway.model.errors import CasewayError


@click.command("export")
@click.argument("use_case")
@click.option("--out", metavar="FILE", type=click.Path(path_type=Path), help="Default: USE_CASE.caseway.zip.")
@click.option("--ref", metavar="REV", help="As it is in this git revision instead of the work tree.")
@session_options()
@with_session
def command(session: Session, use_case: str, out: Path | None, ref: str | None) -> None:
    """Write USE_CASE with all files of its folder into a bundle that 'caseway import bundle' takes in.

    Connections, runtimes and the workflows of other use cases stay out; the bundle says what it needs.
    """
    from caseway.cli.files import write_bytes
    from caseway.delivery.reading import read_project, require_valid
    from caseway.repo.bundle import gather, pack

    reading = read_project(session.project_root(), ref=ref)
    require_valid(reading)
    if len(reading.projects) != 1:
        raise CasewayError("there are several projects here", code="several-projects", hint="choose with -C")
    digest = next((item.digest for item in reading.desired[0].use_cases if item.name == use_case), "")
    bundle = gather(reading.projects[0], use_case, commit=reading.source.commit, digest=digest)
    file = out or Path(f"{use_case}.caseway.zip")
    data = pack(bundle)
    write_bytes(file, data, 0o644)
    if session.is_json:
        facts = {"file": str(file), "bytes": len(data), "files": sorted(bundle.files), "needs": bundle.needs}
        print_json({"useCase": use_case, "digest": digest, **facts})
    else:
        say(f"exported {clean(use_case)} to {clean(file)}: {len(bundle.files)} files, {len(data):,} bytes")
