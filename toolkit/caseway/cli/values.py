"""Reads values given on the command line: `k=v` pairs, JSON, `@file`, `-` for stdin."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

MAX_INPUT = 64 * 1024 * 1024


def text_from(given: str, option: str) -> str:
    """The text of `given`: itself, `@FILE`'s, or stdin's for `-`."""
    if given == "-":
        return sys.stdin.read(MAX_INPUT)
    if given.startswith("@"):
        path = Path(given[1:])
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise click.BadParameter(f"cannot read {path}: {error}", param_hint=option) from error
    return given


def json_from(given: str | None, option: str = "--input") -> Any:
    """The JSON value of `given` (`JSON`, `@FILE` with JSON or YAML, `-`); an empty object when not given."""
    if given is None:
        return {}
    text = text_from(given, option)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        if given.startswith("@") and given.endswith((".yaml", ".yml")):
            return _yaml(text, given, option)
        place = f"line {error.lineno} column {error.colno}"
        raise click.BadParameter(
            f"not JSON: {error.msg} at {place}; give JSON, @FILE, or - for stdin", param_hint=option
        ) from error


def _yaml(text: str, given: str, option: str) -> Any:
    from caseway.cli.reading import values_of

    values = values_of(text, given[1:], option)
    return values[0] if values else {}


def pairs_from(given: tuple[str, ...], option: str) -> dict[str, Any]:
    """`("a=1", "b.c=x", "d=@file")` as `{"a": 1, "b": {"c": "x"}, "d": …}`; what is no JSON is a string."""
    result: dict[str, Any] = {}
    for pair in given:
        name, equals, raw = pair.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"{name!r} is not NAME=VALUE", param_hint=option)
        *outer, last = name.split(".")
        place = result
        for key in outer:
            place = place.setdefault(key, {})
            if not isinstance(place, dict):
                raise click.BadParameter(f"{name!r} goes into a value that is no object", param_hint=option)
        place[last] = scalar_from(raw, option)
    return result


def outputs_from(pins: tuple[str, ...]) -> dict[str, Any]:
    """`("/do/0/a={}",)` as outputs by task; names of tasks may hold dots, and outputs equals signs."""
    found: dict[str, Any] = {}
    for pair in pins:
        reference, equals, raw = pair.partition("=")
        if not equals:
            raise click.BadParameter(f"{pair!r} is not REF=JSON", param_hint="--pin")
        found[reference] = scalar_from(raw, "--pin")
    return found


def scalar_from(raw: str, option: str) -> Any:
    """JSON when it is JSON, the content of `@FILE` (its last newline gone), else the text itself."""
    text = text_from(raw, option) if raw.startswith("@") else raw
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text.rstrip("\n") if raw.startswith("@") else text
