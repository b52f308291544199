"""Where a secret is had from that is not kept in the store: the server's environment, its files, a command.

The rule: what may be read is the operator's to say, never a user's. A variable's name begins with
CASEWAY_CREDENTIAL_, a file lies in one folder, a command stands in the operator's list."""

from __future__ import annotations

import json
import re
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from caseway.model.credential_types import main_field
from caseway.model.errors import CasewayError

STORE, ENVIRONMENT, FILE, COMMAND, AGE = "store", "environment", "file", "command", "age"
PREFIX = "CASEWAY_CREDENTIAL_"
LARGEST = 1024 * 1024
SECONDS = 15.0
KEPT = 30.0  # seconds that a command's answer is used again
_VARIABLE = re.compile(re.escape(PREFIX) + r"[A-Z0-9_]{1,200}\Z")


@dataclass(frozen=True, slots=True)
class SecretSources:
    """What the operator allows. `variables` are those of the prefix, `folder` holds files, `commands` are
    argument lists by name, `identities` are age identities that open what git keeps."""

    variables: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    commands: Mapping[str, Sequence[str]] = field(default_factory=dict)
    identities: str = ""
    clock: Callable[[], float] = time.monotonic
    _answers: dict[str, tuple[float, str]] = field(default_factory=dict, compare=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, compare=False)

    def read(self, source: str, reference: str, kind: str) -> Any:
        """The value behind a reference. Raises `CasewayError` (`secret-source`), never with the value."""
        readers = {ENVIRONMENT: self._variable, FILE: self._file, COMMAND: self._command}
        if source not in readers:
            raise _refused(f"there is no source {source!r}", f"one of: {', '.join(sorted(readers))}")
        return value_in(readers[source](reference), kind)

    def check(self, source: str, reference: str) -> None:
        """Raises `CasewayError` (`secret-source`) for what the operator does not allow. Reads nothing."""
        if source == ENVIRONMENT:
            _variable_name(reference)
        elif source == FILE:
            self._path(reference)
        elif source == COMMAND:
            self._arguments(reference)
        else:
            raise _refused(f"there is no source {source!r}", "one of: environment, file, command")

    def _variable(self, name: str) -> str:
        _variable_name(name)
        if name not in self.variables:
            raise _refused(f"the server has no variable {name}", "set it where the server is started")
        return self.variables[name]

    def _file(self, name: str) -> str:
        path = self._path(name)
        try:
            with path.open("rb") as file:
                text = file.read(LARGEST + 1)
            if len(text) > LARGEST:
                raise _refused(f"the file {name} is too large", "a secret has at most 1 MB")
            return text.decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise _refused(f"the file {name} cannot be read", "is it there, and readable?") from error

    def _command(self, name: str) -> str:
        arguments = self._arguments(name)
        with self._lock:
            known = self._answers.get(name)
            if known is not None and known[0] + KEPT > self.clock():
                return known[1]
            answer = _answer(name, arguments)
            self._answers[name] = (self.clock(), answer)
            return answer

    def _path(self, name: str) -> Path:
        if self.folder is None:
            raise _refused("this server reads no secrets from files", "set CASEWAY_CREDENTIAL_FOLDER")
        folder = self.folder.resolve()
        path = (folder / name).resolve()
        if not name or "\x00" in name or path == folder or folder not in path.parents:
            raise _refused(f"{name!r} lies outside of the folder of secrets", "name a file within it")
        return path

    def _arguments(self, name: str) -> Sequence[str]:
        if name not in self.commands:
            known = ", ".join(sorted(self.commands)) or "none"
            raise _refused(
                f"the operator allows no command {name!r}",
                f"allowed: {known}; the operator's list is CASEWAY_CREDENTIAL_COMMANDS",
            )
        return self.commands[name]


def value_in(text: str, kind: str) -> Any:
    """A secret's text as its value: a JSON object, else what fills the type's one field."""
    text = text.rstrip("\r\n")
    if text.lstrip().startswith("{"):
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise _refused("the secret is no JSON, though it begins like it", "mend it") from error
        if isinstance(value, dict):
            return value
    return {main_field(kind): text}


def commands_in(text: str) -> Mapping[str, Sequence[str]]:
    """The operator's list of commands: a JSON object, name to argument list."""
    if not text:
        return {}
    try:
        found = json.loads(text)
    except ValueError as error:
        raise _wrong_commands() from error
    if not isinstance(found, dict):
        raise _wrong_commands()
    for arguments in found.values():
        if not isinstance(arguments, list) or not arguments:
            raise _wrong_commands()
        if not all(isinstance(item, str) for item in arguments) or not Path(arguments[0]).is_absolute():
            raise _wrong_commands()
    return {str(name): tuple(arguments) for name, arguments in found.items()}


def _answer(name: str, arguments: Sequence[str]) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - no shell, and every word of it is the operator's
            list(arguments),
            capture_output=True,
            timeout=SECONDS,
            stdin=subprocess.DEVNULL,
            env={"PATH": "/usr/local/bin:/usr/bin:/bin"},
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _refused(f"the command {name} does not answer", type(error).__name__) from error
    if done.returncode != 0 or len(done.stdout) > LARGEST:
        raise _refused(f"the command {name} ended with {done.returncode}", "run it where the server runs")
    try:
        return done.stdout.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _refused(f"the command {name} answers with no text", "it must print UTF-8") from error


def _variable_name(name: str) -> None:
    if not _VARIABLE.match(name):
        raise _refused(
            f"{name[:100]!r} is no variable for secrets", f"its name begins with {PREFIX}, in capitals"
        )


def _wrong_commands() -> CasewayError:
    return CasewayError(
        "CASEWAY_CREDENTIAL_COMMANDS cannot be read",
        code="setting",
        hint='give JSON: {"name": ["/absolute/program", "argument"]}',
    )


def _refused(message: str, hint: str) -> CasewayError:
    return CasewayError(message, code="secret-source", hint=hint)
