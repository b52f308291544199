"""The placeholders of a document that can be read, with what they name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from caseway.repo.placeholders import PlaceholderError, names, split

if TYPE_CHECKING:
    from caseway.repo.load import Document
    from caseway.repo.rules.view import View


@dataclass(frozen=True, slots=True)
class Use:
    """One placeholder: its scalar's place and whole text, its expression and the references in it."""

    document: Document
    pointer: str
    scalar: str
    expression: str
    references: frozenset[str]


def uses(view: View, document: Document) -> tuple[Use, ...]:
    """The readable placeholders of a document that are resolved at deploy."""
    return view.once(("uses", id(document)), lambda: tuple(_uses(view, document)))


def _uses(view: View, document: Document) -> Iterator[Use]:
    for pointer, scalar in resolved(view, document):
        for expression in _expressions(scalar):
            yield Use(document, pointer, scalar, expression, _references(expression))


def resolved(view: View, document: Document) -> Iterator[tuple[str, str]]:
    """The texts with placeholders that are resolved at deploy, by pointer."""
    is_resolved = _RESOLVED.get(document.kind)
    if is_resolved is not None:
        yield from (mark for mark in view.marks(document).placeholders if is_resolved.match(mark[0]))


# Where placeholders are resolved, by kind of document: pointers begin like this.
_RESOLVED = {
    "Workflow": re.compile(""),
    "N8nWorkflow": re.compile(""),
    "UseCase": re.compile(r"/spec/workflows/\d+/triggers/"),
    "Instance": re.compile("/spec/parameters/"),
}


@lru_cache(maxsize=8192)
def _expressions(scalar: str) -> tuple[str, ...]:
    try:
        return tuple(part.text for part in split(scalar) if part.is_expression)
    except PlaceholderError:
        return ()


@lru_cache(maxsize=8192)
def _references(expression: str) -> frozenset[str]:
    try:
        return names(expression)
    except PlaceholderError:
        return frozenset()
