"""Writes the hooks of a bare repository, so that a push to it deploys.

Rule: a hook that somebody else wrote is never replaced unless it is asked for."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from caseway.model.errors import CasewayError
from caseway.repo import git

MARK = "# Written by `caseway hook install`; run that again to change it."
_ACTOR = '"${CASEWAY_ACTOR:=${REMOTE_USER:-}}"'  # whom the transport knows, for the audit
HOOKS = ("pre-receive", "post-receive")


@dataclass(frozen=True, slots=True)
class HookSettings:
    """How the hooks call Caseway: the `program` with its first words, and settings as environment variables.
    `token_file` holds the token for a server; it is read when the hook runs."""

    program: Sequence[str]
    environment: Mapping[str, str]
    token_file: str = ""
    prunes: bool = False


def install(repository: Path, settings: HookSettings, *, judges: bool, is_forced: bool) -> list[Path]:
    """Write `post-receive`, and `pre-receive` when it `judges`; the files. Raises `no-bare-repository`,
    `hook-exists`."""
    folder = _hooks_folder(repository)
    wanted = HOOKS if judges else HOOKS[1:]
    for name in wanted:
        file = folder / name
        if file.exists() and MARK not in file.read_text(encoding="utf-8", errors="replace") and not is_forced:
            raise CasewayError(
                f"there is a {name} hook already that Caseway did not write",
                code="hook-exists",
                place=str(file),
                hint="call caseway from it, or add --force to replace it",
            )
    folder.mkdir(exist_ok=True)
    written = []
    for name in wanted:
        file = folder / name
        made = folder / f".{name}.new"
        made.write_text(script(repository, name, settings), encoding="utf-8")
        made.chmod(0o755)
        made.replace(file)
        written.append(file)
    return written


def script(repository: Path, name: str, settings: HookSettings) -> str:
    """The text of one hook. Every value is quoted: a folder's name is no program."""
    lines = ["#!/bin/sh", MARK]
    lines += [f"export {key}={shlex.quote(value)}" for key, value in sorted(settings.environment.items())]
    if settings.token_file:
        lines.append(f'CASEWAY_TOKEN="$(cat {shlex.quote(settings.token_file)})" && export CASEWAY_TOKEN')
    lines.append(f": {_ACTOR}; export CASEWAY_ACTOR")
    words = [*settings.program, "-C", str(repository), "hook", "run", name]
    words += ["--prune"] if settings.prunes else []
    lines.append("exec " + " ".join(shlex.quote(word) for word in words))
    return "\n".join(lines) + "\n"


def _hooks_folder(repository: Path) -> Path:
    answer = git.run(repository, "rev-parse", "--is-bare-repository", "--absolute-git-dir")
    is_bare, _, folder = os.fsdecode(answer.stdout).rstrip("\n").partition("\n")
    if answer.returncode != 0 or is_bare != "true":
        raise CasewayError(
            "this is no bare repository",
            code="no-bare-repository",
            place=str(repository),
            hint="make one with 'git init --bare FOLDER' and push to it",
        )
    return Path(folder) / "hooks"
