"""What the options of the command line say of reading: which rules count, which values were meant."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import click

from caseway.model.errors import CasewayError


@dataclass(frozen=True, slots=True)
class RuleChoice:
    """Which codes count: all, or those included; never those excluded. A short code means all below it."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    @classmethod
    def of(cls, include: Iterable[str], exclude: Iterable[str]) -> RuleChoice:
        """From options that may be repeated or comma separated."""
        return cls(_codes(include, "--rules"), _codes(exclude, "--exclude-rules"))

    def has(self, code: str) -> bool:
        """Whether findings of `code` are wanted. A crashed rule (CW0xx) always is."""
        if code.startswith("CW0"):
            return True
        if code.startswith(self.exclude or ("?",)):
            return False
        return not self.include or code.startswith(self.include)


def _codes(given: Iterable[str], option: str) -> tuple[str, ...]:
    codes = tuple(code.strip().upper() for text in given for code in text.split(",") if code.strip())
    for code in codes:
        if not code.startswith("CW") or not code[2:].isdigit() or len(code) > 5:
            raise click.BadParameter(f"{code!r} is no code such as CW301 or CW3", param_hint=option)
    return codes


def values_of(text: str, name: str, option: str) -> list[Any]:
    """The values of a YAML text given on the command line."""
    from caseway.worker.surroundings import parsed_values

    try:
        return parsed_values(text.encode(), name)
    except CasewayError as error:
        raise click.BadParameter(f"{error.message} ({error.place})", param_hint=option) from error
