"""Runtime expressions: jq programs compiled once and evaluated many times.

One rule: an expression can neither hang this process nor fill its memory. Paths are read by Python, tame
programs by jq in this process, all others by jq in the sandbox."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from caseway_runner.jq_text import BadProgram, Reading, read
from caseway_runner.sandbox import Bounds, SandboxError, shared_sandbox

_WRAPPED = re.compile(r"^\s*\$\{(.+)\}\s*$", re.DOTALL)
_PATH = re.compile(r"^(\$[A-Za-z]\w*)?((?:\.[A-Za-z_]\w*)+|\.)?$")
_MAX_LOOP_STEPS = 2_000_000
_MAX_TAME_BYTES = 64 * 1024 * 1024
_JQ_WORDS = {bool: "boolean", int: "number", float: "number", str: "string", list: "array", dict: "object"}

Evaluate = Callable[[Any, Mapping[str, Any]], Any]


class ExpressionError(ValueError):
    """An expression does not compile, or its evaluation failed."""


class UnknownVariable(ExpressionError):
    """An expression uses a variable that is not available where it stands."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression. `variables` are the names (without `$`) it really uses; `secrets` the names it
    reads from `$secrets`, None among them when it takes the whole map."""

    text: str
    variables: frozenset[str]
    secrets: frozenset[str | None]
    _path: tuple[str | None, tuple[str, ...]] | None
    _reading: Reading
    _wrapped: str

    def evaluate(self, input: Any, arguments: Mapping[str, Any], bounds: Bounds | None = None) -> Any:
        """The value of the expression on `input`: none gives null, several results give an array.

        Raises ExpressionError when it fails, and lets KeyError of `arguments` through."""
        if self._path is not None:
            return _follow(self._path, input, arguments)
        text = self._payload(input, arguments)
        return _single(self._here(text) if self._is_quick(text) else self._there(text, bounds or Bounds()))

    async def evaluated(self, input: Any, arguments: Mapping[str, Any], bounds: Bounds) -> Any:
        """Like `evaluate`, waiting for the sandbox without holding up the event loop."""
        if self._path is not None:
            return _follow(self._path, input, arguments)
        text = self._payload(input, arguments)
        if self._is_quick(text):
            return _single(self._here(text))
        return _single(await asyncio.to_thread(self._there, text, bounds))

    def _payload(self, input: Any, arguments: Mapping[str, Any]) -> str:
        value = input
        if self.variables or self._reading.uses_now:
            value = {"i": input, "v": {name: arguments[name] for name in self.variables}}
            if self._reading.uses_now:
                value["n"] = arguments["__now"] if "__now" in arguments else time.time()
        try:
            return json.dumps(value)
        except (TypeError, ValueError, RecursionError) as error:
            raise ExpressionError(f"the input is not JSON: {error}") from error

    def _is_quick(self, text: str) -> bool:
        reading = self._reading
        if not reading.is_tame or len(text) * reading.growth > _MAX_TAME_BYTES:
            return False
        return reading.loops <= 1 or len(text) ** min(reading.loops, 6) <= _MAX_LOOP_STEPS

    def _here(self, text: str) -> list[Any]:
        try:
            results: list[Any] = _program(self._wrapped).input_text(text).all()
        except (ValueError, RecursionError, MemoryError) as error:
            raise ExpressionError(str(error)) from error
        return results

    def _there(self, text: str, bounds: Bounds) -> list[Any]:
        try:
            return shared_sandbox(bounds).run(self._wrapped, text)
        except SandboxError as error:
            raise ExpressionError(str(error)) from error


def unwrap(text: str) -> str | None:
    """The program inside `${ … }`, or None when `text` is not an expression in strict mode."""
    match = _WRAPPED.match(text)
    return match.group(1).strip() if match else None


def compile_expression(text: str, variables: Iterable[str] | None = None) -> Expression:
    """Compile `text`, with or without `${ }`. `variables` names what may be used (None: anything).

    Raises ExpressionError with the reason; UnknownVariable when that is the reason."""
    inner = unwrap(text)
    program = (text if inner is None else inner).strip()
    expression = _compiled(program)
    if variables is not None:
        unknown = sorted(expression.variables - frozenset(variables))
        if unknown:
            raise UnknownVariable(f"unknown variable ${unknown[0]}")
    return expression


@lru_cache(maxsize=16_384)
def _compiled(program: str) -> Expression:
    try:
        reading = read(program)
    except BadProgram as error:
        raise ExpressionError(str(error)) from None
    bound = reading.variables - {"__loc__"}
    path = _as_path(program)
    if path is None:
        free = _free_variables(program, bound, reading.is_tame)
        wrapped = _wrap(program, free, reading.uses_now)
    else:
        free = frozenset(bound)
        wrapped = ""
    return Expression(
        program, free, reading.secrets if "secrets" in free else frozenset(), path, reading, wrapped
    )


def _as_path(program: str) -> tuple[str | None, tuple[str, ...]] | None:
    match = _PATH.match(program)
    if match is None or not program:
        return None
    head, tail = match.group(1), match.group(2) or ""
    if tail == "." and head:
        return None
    return (head[1:] if head else None), tuple(tail.strip(".").split(".")) if tail not in ("", ".") else ()


def _follow(path: tuple[str | None, tuple[str, ...]], input: Any, arguments: Mapping[str, Any]) -> Any:
    head, names = path
    value = input if head is None else arguments[head]
    for name in names:
        if isinstance(value, dict):
            value = value.get(name)
        elif value is not None:
            raise ExpressionError(f'Cannot index {_JQ_WORDS.get(type(value), "value")} with string "{name}"')
    return value


def _free_variables(program: str, candidates: frozenset[str], is_tame: bool) -> frozenset[str]:
    """Which of the variables in the text come from outside; the rest the program binds itself. Raises when
    the program does not compile."""
    message = _complaint(program, candidates, is_tame)
    if message:
        raise ExpressionError(_clean(message))
    if " as " not in program and "def " not in program:
        return candidates
    return frozenset(name for name in candidates if _complaint(program, candidates - {name}, is_tame))


def _complaint(program: str, names: frozenset[str], is_tame: bool) -> str:
    """What jq says against `program` with these variables given, or "".

    Compiling can be as hostile as running: jq computes constants such as `"a" * 2000000000` right away."""
    text = f"({program}\n)"
    if not is_tame:
        try:
            return shared_sandbox(Bounds()).check(text, dict.fromkeys(names))
        except SandboxError as error:
            return str(error)
    import jq  # type: ignore[import-not-found]  # noqa: PLC0415 - paths need no jq; it ships no types

    try:
        jq.compile(text, args=dict.fromkeys(names))
    except ValueError as error:
        return str(error)
    return ""


def _clean(message: str) -> str:
    first = message.split(" at <top-level>", maxsplit=1)[0].split("\n", maxsplit=1)[0]
    return first.removeprefix("jq: error: ").removesuffix(":").strip() or "not a jq program"


def _wrap(program: str, variables: frozenset[str], uses_now: bool) -> str:
    """The program with its variables bound from its input, because jq fixes arguments when it compiles."""
    if not variables and not uses_now:
        return f"({program}\n)"
    binds = "".join(f"$__w.v.{name} as ${name} | " for name in sorted(variables))
    clock = "def now: $__w.n; " if uses_now else ""
    return f". as $__w | {clock}{binds}$__w.i | ({program}\n)"


@lru_cache(maxsize=4_096)
def _program(wrapped: str) -> Any:
    import jq  # noqa: PLC0415 - paths need no jq

    return jq.compile(wrapped)


def _single(results: list[Any]) -> Any:
    if len(results) == 1:
        return results[0]
    return results or None
