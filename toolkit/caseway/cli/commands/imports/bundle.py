"""`caseway import bundle FILE`: first what it needs, then its files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import clean, paint, print_json, say
from caseway.cli.project_folder import has_project_file
from caseway.cli.session import Session
from caseway.model.errors import CasewayError

if TYPE_CHECKING:
    from caseway.repo.bundle import Bundle
    from caseway.repo.transplant import Need

MOST_BYTES = 50_000_000


@click.command("bundle")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", help="The use case's name here; default: the one it has.")
@click.option(
    "--map",
    "maps",
    metavar="KIND:OLD=NEW",
    multiple=True,
    help="What stands for a connection or runtime here.",
)
@click.option("--yes", "-y", is_flag=True, help="Write the files; without, only show what is needed.")
@session_options()
@with_session
def command(session: Session, file: Path, name: str | None, maps: tuple[str, ...], yes: bool) -> int:
    """Take the use case in bundle FILE into the project, in two steps.

    First it shows what the use case needs and what stands for that here, and writes nothing. Once every need
    is met, --yes writes it to use-cases/NAME. Exits 1 while a need is not met.
    """
    from caseway.cli.scaffold import name_from
    from caseway.delivery.reading import read_project
    from caseway.repo.bundle import unpack
    from caseway.repo.transplant import mappings, needs

    root = session.project_root()
    if not has_project_file(root):
        raise CasewayError(
            "no caseway.yaml here or above", code="no-project", hint="run 'caseway init' first"
        )
    bundle = unpack(_read(file))
    name = name_from(name or bundle.name, given=True)
    if (root / "use-cases" / name).exists():
        hint = "choose another with --name"
        raise CasewayError(
            "this use case exists already", code="exists", place=f"use-cases/{name}", hint=hint
        )
    project = next(each for each in read_project(root).projects if each.root == "")
    found = needs(bundle, project, mappings(maps))
    is_met = all(need.given for need in found)
    made = _write(root, name, bundle, found) if yes and is_met else []
    _tell(session, name, bundle, found, made)
    return 0 if is_met else 1


def _read(file: Path) -> bytes:
    with file.open("rb") as stream:
        data = stream.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise CasewayError("the bundle is larger than 50 MB", code="bad-bundle", place=str(file))
    return data


def _write(root: Path, name: str, bundle: Bundle, found: list[Need]) -> list[str]:
    from caseway.cli.files import write_bytes
    from caseway.cli.scaffold import renamed
    from caseway.repo.transplant import adapted

    folder = root / "use-cases" / name
    made = []
    for path, data in sorted(adapted(bundle, found).items()):
        goal = folder / path
        goal.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(goal, renamed(data, goal.name, bundle.name, name), 0o644)
        made.append(goal.relative_to(root).as_posix())
    return made


def _tell(session: Session, name: str, bundle: Bundle, found: list[Need], made: list[str]) -> None:
    credentials = dict(bundle.needs.get("credentials") or {})
    if session.is_json:
        rows = [
            {
                "kind": need.kind,
                "name": need.name,
                "given": need.given or None,
                "why": need.why,
                "hint": need.hint,
            }
            for need in found
        ]
        print_json({"useCase": name, "needs": rows, "credentials": credentials, "files": made})
        return
    for need in found:
        mark = paint("✓", "green") if need.given else paint("✗", "red")
        say(
            f"{mark} {need.kind} {clean(need.name)}"
            + (f" → {clean(need.given)}" if need.given else f": {clean(need.why)}")
        )
        if need.hint:
            say(paint(f"    hint: {clean(need.hint)}", "cyan"))
    for slot, declared in credentials.items():
        say(f"• credential {clean(slot)} ({clean(declared.get('type', 'any type'))}): an instance binds it")
    if made:
        say(f"Added use case {clean(name)}:")
        for file in made:
            say(f"  {clean(file)}")
        say("\nNext: caseway validate && caseway plan")
    elif all(need.given for need in found):
        say(f"{len(bundle.files)} files would go to use-cases/{clean(name)}; add --yes to write them")
    else:
        say("nothing was written: the use case needs what is marked above", err=True)
