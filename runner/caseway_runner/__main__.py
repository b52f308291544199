"""The runner's own command line: runs or checks one workflow file, with no platform."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from caseway_runner.compile import compile_workflow, problems
from caseway_runner.engine import execute
from caseway_runner.files import folder_files
from caseway_runner.journal import MemoryJournal
from caseway_runner.journal_file import FileJournal
from caseway_runner.outcome import Outcome, Status
from caseway_runner.policy import Policy
from caseway_runner.ports import Execution, Ports
from caseway_runner.sealed_file import SealedFile
from caseway_runner.stdio import serve_stdio
from caseway_runner.yaml_text import BadYaml, read_yaml

_NOT_COMPLETED, _USAGE = 1, 2


class UsageError(Exception):
    """The command line, or a file it names, cannot be used."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point. Exits 0 when the workflow completed (or is valid), 1 when not, 2 for wrong usage."""
    options = _parser().parse_args(arguments)
    try:
        code = _COMMANDS[options.command](options)
    except UsageError as error:
        print(f"caseway-runner: {error}", file=sys.stderr)  # noqa: T201 - the command's own output
        code = _USAGE
    sys.exit(code)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "caseway-runner", description="Run Serverless Workflow DSL 1.0 documents."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run a workflow and print its outcome as JSON")
    run.add_argument("file", help="the workflow document, YAML or JSON")
    run.add_argument("--input", default="{}", help="the input: JSON, @file, or - for standard input")
    run.add_argument(
        "--secret", action="append", default=[], metavar="NAME=VALUE", help="VALUE: JSON or text"
    )
    run.add_argument(
        "--workflows", action="append", default=[], help="directory of documents for sub-workflows"
    )
    run.add_argument(
        "--allow-processes", action="store_true", help="allow shell and script tasks on this host"
    )
    run.add_argument("--journal", default="", help="file to record to, and to resume from when it exists")
    run.add_argument("--id", default="", help="the execution's id (needed to resume with stable keys)")
    check = commands.add_parser("check", help="print what is wrong with a workflow as JSON")
    check.add_argument("file")
    serve = commands.add_parser(
        "serve-stdio", help="run executions for whoever speaks the protocol on standard input and output"
    )
    serve.add_argument(
        "--owns-container",
        action="store_true",
        help="this container is the runner's own: between executions it kills every other process and "
        "empties /tmp and /dev/shm",
    )
    return parser


def _check(options: argparse.Namespace) -> int:
    found = problems(_document(Path(options.file)))
    _print([asdict(problem) for problem in found])
    return _NOT_COMPLETED if any(problem.severity == "error" for problem in found) else 0


def _serve(options: argparse.Namespace) -> int:
    return serve_stdio(owns_container=options.owns_container)


def _run(options: argparse.Namespace) -> int:
    document = _document(Path(options.file))
    errors = [problem for problem in problems(document) if problem.severity == "error"]
    if errors:
        lines = "\n".join(
            f"  {p.pointer or '/'}: {p.message}" + (f" ({p.hint})" if p.hint else "") for p in errors
        )
        raise UsageError(f"{options.file} cannot run:\n{lines}")
    outcome = asyncio.run(_execute(document, _input(options.input), options))
    _print(as_json(outcome))
    return 0 if outcome.status is Status.COMPLETED else _NOT_COMPLETED


async def _execute(document: Any, value: Any, options: argparse.Namespace) -> Outcome:
    secrets = dict(_secret(text) for text in options.secret)
    known = _workflows([Path(name) for name in options.workflows] or [Path(options.file).parent])
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    ports = Ports(
        journal=SealedFile(FileJournal(Path(options.journal)), secrets)
        if options.journal
        else MemoryJournal(),
        secrets=secrets.__getitem__,
        workflows=lambda namespace, name, version: _found(known, namespace, name, version),
        policy=Policy(processes=options.allow_processes),
        environment={k: v for k, v in os.environ.items() if k == "CASEWAY_SERVICES"},
        cancel=stop,
        files=folder_files(Path(options.file).parent),
    )
    return await execute(compile_workflow(document), value, Execution(options.id or str(uuid.uuid4())), ports)


def as_json(outcome: Outcome) -> dict[str, Any]:
    """The outcome as the JSON that `caseway run` prints."""
    return {
        "id": outcome.id,
        "status": outcome.status.value,
        "output": outcome.output,
        "error": dict(outcome.error.as_json()) if outcome.error else None,
        "reason": outcome.reason,
        "tasks": [
            {
                "reference": task.reference,
                "name": task.name,
                "status": task.status.value,
                "startedAt": task.started_at,
                "endedAt": task.ended_at,
                "attempts": task.attempts,
            }
            for task in outcome.tasks
        ],
    }


def _document(path: Path) -> Any:
    try:
        return read_yaml(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, BadYaml) as error:
        raise UsageError(f"cannot read {path}: {error}") from error


def _input(text: str) -> Any:
    try:
        if text == "-":
            text = sys.stdin.read()
        elif text.startswith("@"):
            text = Path(text[1:]).read_text(encoding="utf-8")
        return json.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the input: {error}") from error
    except ValueError as error:
        raise UsageError(f"the input is not JSON: {error}") from error


def _secret(text: str) -> tuple[str, Any]:
    name, separator, value = text.partition("=")
    if not name or not separator:
        raise UsageError("--secret wants NAME=VALUE")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _workflows(folders: Sequence[Path]) -> dict[tuple[str, str, str], Mapping[str, Any]]:
    found: dict[tuple[str, str, str], Mapping[str, Any]] = {}
    for folder in folders:
        for path in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml"), *folder.glob("*.json")]):
            try:
                value = _document(path)
            except UsageError:
                continue  # other files of the folder need not be workflows
            header = value.get("document") if isinstance(value, Mapping) else None
            if isinstance(header, Mapping):
                key = (str(header.get("namespace")), str(header.get("name")), str(header.get("version")))
                found[key] = value
    return found


def _found(
    known: Mapping[tuple[str, str, str], Mapping[str, Any]], namespace: str, name: str, version: str
) -> Mapping[str, Any]:
    if version != "latest":
        return known[(namespace, name, version)]
    versions = [key for key in known if key[:2] == (namespace, name)]
    if not versions:
        raise KeyError(f"{namespace}/{name}")
    return known[max(versions, key=lambda key: _order(key[2]))]


def _order(version: str) -> tuple[tuple[int, ...], bool]:
    plain, _, pre = version.partition("-")
    return tuple(int(part) for part in plain.split("+")[0].split(".") if part.isdecimal()), not pre


def _print(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))  # noqa: T201 - the command's own output


_COMMANDS = {"run": _run, "check": _check, "serve-stdio": _serve}

if __name__ == "__main__":
    main()
