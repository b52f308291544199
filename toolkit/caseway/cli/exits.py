"""The one place that turns errors into exits: 0 ok, 1 what the user can mend, 2 usage, 3 a bug, 130 ^C.

Rule: no traceback reaches the user without --debug, and with --format json errors are JSON on stdout."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import click

from caseway.cli.session import JSON_FORMATS, asked_for
from caseway.model.errors import CasewayError

OK, ERROR, USAGE, BUG, INTERRUPTED = 0, 1, 2, 3, 130


def run_to_exit(run: Callable[[], Any], args: Sequence[str] | None) -> NoReturn:
    """Call `run` and leave the process with the right code, having said what went wrong."""
    arguments = list(sys.argv[1:] if args is None else args)
    try:
        code = _code_of(run, arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        _quiet_stdout()
        code = ERROR
    sys.exit(code)


def _code_of(run: Callable[[], Any], args: list[str]) -> int:  # noqa: PLR0911 - one return per exit
    try:
        result = run()
        return result if isinstance(result, int) else OK
    except CasewayError as error:
        _tell_error(args, error)
        return _debugged(args, ERROR)
    except click.UsageError as error:
        _tell_usage(args, error)
        return USAGE
    except click.ClickException as error:
        _tell(args, error.format_message(), "error", "", "")
        return ERROR
    except (click.Abort, KeyboardInterrupt):
        _tell(args, "interrupted", "interrupted", "", "")
        return INTERRUPTED
    except BrokenPipeError:
        raise
    except OSError as error:
        return _os_error(args, error)
    except Exception as error:  # noqa: BLE001 - the outermost boundary: a bug becomes a report
        return _bug(args, error)


def _os_error(args: list[str], error: OSError) -> int:
    if error.errno == errno.EPIPE:
        raise BrokenPipeError from error
    place = str(error.filename or "")
    _tell(args, error.strerror or str(error), "os-error", place, "check that the path exists and may be used")
    return _debugged(args, ERROR)


def _tell_usage(args: list[str], error: click.UsageError) -> None:
    if isinstance(error, click.exceptions.NoArgsIsHelpError) and not _wants_json(args):
        click.echo(error.format_message(), err=True)
        return
    context = error.ctx
    hint = f"see '{context.command_path} --help'" if context else "see 'caseway --help'"
    if not _wants_json(args) and context is not None:
        click.echo(context.get_usage(), err=True)
    _tell(args, error.format_message(), "usage", "", hint)


def _bug(args: list[str], error: Exception) -> int:
    report = _report(args, error)
    if _wants_json(args):
        _print_json(str(error) or type(error).__name__, "bug", "", "please report this", report=report)
    else:
        _say("this is a bug in Caseway, not in your project", "", "please report the lines below")
        click.echo("\n" + report, err=True)
    return _debugged(args, BUG)


def _report(args: list[str], error: Exception) -> str:
    """What an issue needs, and no value that could be a secret: names of options, never their arguments."""
    import platform
    import traceback

    from caseway import __version__

    words = [word.split("=", 1)[0] for word in args if word.startswith("-") or word.isalpha()]
    frames = traceback.extract_tb(error.__traceback__)[-8:]
    own = [f"  {_short(frame.filename)}:{frame.lineno} in {frame.name}" for frame in frames]
    chain = type(error).__name__ + (f" from {type(error.__cause__).__name__}" if error.__cause__ else "")
    return "\n".join(
        [
            f"caseway {__version__}, Python {platform.python_version()}, {platform.system()}",
            f"command: caseway {' '.join(words)}",
            f"error: {chain}: {str(error)[:300]}",
            *own,
            "with --debug you see the whole traceback",
        ]
    )


def _short(path: str) -> str:
    parts = path.split("/")
    return "/".join(parts[-3:])


def _debugged(args: list[str], code: int) -> int:
    if asked_for(args, "--debug", "CASEWAY_DEBUG"):
        import traceback

        traceback.print_exc(file=sys.stderr)
    return code


def _wants_json(args: list[str]) -> bool:
    return asked_for(args, "--format", "CASEWAY_FORMAT") in JSON_FORMATS


def _tell(args: list[str], message: str, code: str, place: str, hint: str) -> None:
    if _wants_json(args):
        _print_json(message, code, place, hint)
    else:
        _say(message, place, hint)


def _tell_error(args: list[str], error: CasewayError) -> None:
    """The error, and the findings in the repo that it is about, when it carries any."""
    found = getattr(error, "diagnostics", ())
    if not found:
        _tell(args, error.message, error.code, error.place, error.hint)
        return
    from caseway.delivery.reading import diagnostic_json
    from caseway.repo.reports import render

    if _wants_json(args):
        details = [diagnostic_json(item) for item in found]
        _print_json(error.message, error.code, error.place, error.hint, diagnostics=details)
    else:
        click.echo(render(found, "text").rstrip("\n"), err=True)
        _say(error.message, "", error.hint)


def _say(message: str, place: str, hint: str) -> None:
    from caseway.cli.output import clean, paint

    where = f"{clean(place)}: " if place else ""
    click.echo(paint("error: ", "red", err=True) + where + clean(message, lines=True), err=True)
    if hint:
        click.echo(paint("  hint: ", "cyan", err=True) + clean(hint, lines=True), err=True)


def _print_json(message: str, code: str, place: str, hint: str, **more: Any) -> None:
    import json

    error = {"code": code, "message": message, "place": place, "hint": hint, **more}
    click.echo(json.dumps({"error": error}, indent=2, ensure_ascii=False))


def _quiet_stdout() -> None:
    """Point stdout at nothing, so that the interpreter's last flush does not complain."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):  # stdout is not a real file (a test's): nothing to silence
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 - lives until the process ends
