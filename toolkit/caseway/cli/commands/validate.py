"""`caseway validate [PATH]`: everything that is wrong with a repo, in one run."""

from __future__ import annotations

import click

from caseway.cli.options import session_options, with_session
from caseway.cli.output import clean, has_colour, paint, print_json, say
from caseway.cli.session import Session


@click.command("validate")
@click.argument("path", type=click.Path(), required=False)
@click.option("--ref", metavar="REV", help="Check this git revision instead of the work tree.")
@click.option(
    "--since", metavar="REV", default="", help="Look for secrets in all that commits since REV add, too."
)
@click.option("--strict", is_flag=True, help="Warnings count as errors.")
@click.option("--rules", metavar="CODES", multiple=True, help="Only these codes; CW3 means all of CW3xx.")
@click.option("--exclude-rules", metavar="CODES", multiple=True, help="All but these codes.")
@click.option("--fix", is_flag=True, help="Mend what can be mended safely.")
@click.option("--dry-run", is_flag=True, help="With --fix: show the changes, write nothing.")
@session_options(formats=("text", "json", "github", "sarif"))
@with_session
def command(  # noqa: PLR0913, PLR0917 - one argument per option
    session: Session,
    path: str | None,
    ref: str | None,
    since: str,
    strict: bool,
    rules: tuple[str, ...],
    exclude_rules: tuple[str, ...],
    fix: bool,
    dry_run: bool,
) -> int:
    """Check the project in PATH (default: here) against schemas and rules.

    Codes are explained in docs/rules.md. Exits 1 when there is an error (with --strict, or a warning).
    """
    if (fix and ref) or (dry_run and not fix):
        raise click.UsageError(
            "--fix works on the work tree, not on --ref" if ref else "--dry-run goes with --fix"
        )
    from caseway.cli.reading import RuleChoice
    from caseway.delivery.reading import diagnostic_json, is_bad, read_project
    from caseway.repo.reports import asks_strict, render, texts_of

    root = session.project_root(path)
    fixed = _fix(session, path, dry_run) if fix else []
    reading = read_project(root, ref=ref, since=since)
    choice = RuleChoice.of(rules, exclude_rules)
    found = [item for item in reading.diagnostics if choice.has(item.code)]
    strict = strict or asks_strict(reading.projects)
    is_invalid = is_bad(found, strict=strict)
    form = session.settings.format
    if session.is_json:
        report = {"valid": not is_invalid, "diagnostics": [diagnostic_json(item) for item in found]}
        print_json({**report, "fixed": fixed} if fix else report)
    elif found or form != "text":
        text = render(
            found,
            form,
            color=has_colour(),
            strict=strict,
            source=texts_of(reading.projects),
            prefix=reading.prefix,
        )
        click.echo(text.rstrip("\n"), nl=bool(text))
    else:
        count = sum(len(project.documents) for project in reading.projects)
        say(paint("valid", "green", bold=True) + f": {count} documents, nothing to mend", err=True)
    return 1 if is_invalid else 0


def _fix(session: Session, path: str | None, dry_run: bool) -> list[dict[str, str]]:
    from caseway.cli.fixing import as_json, preview, say_difference, write_fixes

    changes = preview(session.project_root(path))
    if not dry_run:
        write_fixes(changes)
    if session.settings.format == "text":
        for change in changes:
            word = "would fix" if dry_run else "fixed"
            say(f"{word} {clean(change.path)}", err=True)
            if dry_run:
                say_difference(change)
    return [as_json(change) for change in changes]
