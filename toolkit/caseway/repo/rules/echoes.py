"""Findings that only repeat another one of the same place: one mistake is told once, by what is nearest.

The one rule: a secret in clear text is always told, and so is whatever stands at another place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from caseway.model.diagnostic import Diagnostic, Severity

_READING, _SCHEMA, _RUNNER, _SECRETS = "CW1", "CW2", "CW5", "CW71"
_OWN_WORDS = ("CW0", _SECRETS)  # never an echo
_MISPLACED = "CW408"  # says more than that a placeholder has not the form of what must stand there
_EMPTY, _UNTIDY = "CW119", "CW808"  # of little interest in a file that cannot be read

_Place = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class _Errors:
    """Where errors stand: files that cannot be read; places that cannot be read, break their schema, have a
    misplaced placeholder, or any error; and what breaks its schema one level below, by its parent."""

    files: frozenset[str]
    unread: frozenset[_Place]
    broken: frozenset[_Place]
    misplaced: frozenset[_Place]
    faulty: frozenset[_Place]
    parents: frozenset[tuple[str, int, str]]


def without_echoes(found: Iterable[Diagnostic]) -> Iterator[Diagnostic]:
    """The findings, but for those that what cannot be read, or breaks its schema, has brought about."""
    every = list(found)
    errors = _errors([each for each in every if each.severity is Severity.ERROR and each.line])
    for each in every:
        if each.code.startswith(_OWN_WORDS) or not _is_echo(each, errors):
            yield each


def _errors(found: list[Diagnostic]) -> _Errors:
    reading = [each for each in found if each.code.startswith(_READING)]
    schema = [each for each in found if each.code.startswith(_SCHEMA)]
    return _Errors(
        files=frozenset(each.file for each in reading),
        unread=frozenset(map(_place, reading)),
        broken=frozenset(map(_place, schema)),
        misplaced=frozenset(_place(each) for each in found if each.code == _MISPLACED),
        faulty=frozenset(map(_place, found)),
        parents=frozenset((each.file, each.line, each.pointer.rpartition("/")[0]) for each in schema),
    )


def _is_echo(each: Diagnostic, errors: _Errors) -> bool:
    place = _place(each)
    if each.code in {_EMPTY, _UNTIDY} and each.file in errors.files:
        return True
    if each.code.startswith(_READING):
        return False
    if place in errors.unread or (each.severity is Severity.NOTE and place in errors.faulty):
        return True
    if each.code.startswith(_SCHEMA):
        return place in errors.misplaced
    is_told_below = each.code.startswith(_RUNNER) and (each.file, each.line, each.pointer) in errors.parents
    return is_told_below or (place in errors.broken and each.code != _MISPLACED)


def _place(each: Diagnostic) -> _Place:
    return each.file, each.line, each.column
