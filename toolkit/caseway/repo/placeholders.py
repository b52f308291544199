"""Deploy-time values in repo documents: `$[[ expression ]]` inside string scalars.

The one rule: a value stays a value. Placeholders are resolved over the parsed tree, never over text, results
are not scanned again, and a scalar that is one placeholder keeps the type of what it names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from caseway.model.canonical import Json, JsonObject
from caseway.repo.placeholder_error import PlaceholderError
from caseway.repo.placeholder_expression import evaluate, outermost_filter, parse, references

__all__ = [
    "CLOSING",
    "KINDS",
    "OPENING",
    "Part",
    "PlaceholderError",
    "check",
    "find",
    "names",
    "outermost",
    "render",
    "scalars",
    "split",
    "token",
]

OPENING, CLOSING = "$[[", "]]"

# What may stand in a placeholder: root -> its members. `None` stands for "names chosen by the author"; the
# value of `None` lists the members below such a name, and an empty tuple means the value itself.
KINDS: Mapping[str, tuple[str, ...] | Mapping[None, tuple[str, ...]]] = {
    "params": {None: ()},
    "credentials": {None: ("id", "name", "type", "scope")},
    "connections": {None: ("id", "name", "type", "url")},
    "workflows": {None: ("id", "name")},
    "webhooks": {None: ("url", "path")},
    "instance": ("id", "name"),
    "organization": ("id", "name"),
    "owner": ("id", "name"),
    "stage": (),
    "runtime": ("image", "name"),
}

MAX_RENDERED = 10_000_000


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a string scalar: literal text, or the expression of a placeholder."""

    text: str
    is_expression: bool


def split(text: str) -> tuple[Part, ...]:
    """The literal and placeholder parts of one scalar. Raises PlaceholderError when one is not closed."""
    parts: list[Part] = []
    start = 0
    while (opening := text.find(OPENING, start)) >= 0:
        if opening > start:
            parts.append(Part(text[start:opening], False))
        closing = _closing(text, opening + len(OPENING))
        if closing < 0:
            raise PlaceholderError(
                f"the placeholder opened at character {opening + 1} is never closed",
                expression=text[opening : opening + 40],
                hint=_closing_hint(text, opening),
            )
        parts.append(Part(text[opening + len(OPENING) : closing].strip(), True))
        start = closing + len(CLOSING)
    if start < len(text):
        parts.append(Part(text[start:], False))
    return tuple(parts)


def _closing(text: str, start: int) -> int:
    """Where `]]` closes what was opened before `start`: outside quotes and brackets; -1 if nowhere."""
    depth, quote, index = 0, "", start
    while index < len(text):
        char = text[index]
        if quote:
            if char == "\\":
                index += 1
            elif char == quote:
                quote = ""
        elif char in "'\"":
            quote = char
        elif depth == 0 and text.startswith(CLOSING, index):
            return index
        else:
            depth += (char in "[({") - (char in "])}")
        index += 1
    return -1


def _closing_hint(text: str, opening: int) -> str:
    if text.find(CLOSING, opening) >= 0:
        return "its quotes or brackets do not balance"
    return f"end it with `{CLOSING}`; to write the text `{OPENING}` itself use $[[ '{OPENING}' ]]"


def scalars(value: Json, pointer: str = "") -> Iterator[tuple[str, str]]:
    """Every string scalar that opens a placeholder, with its pointer, in document order."""
    if isinstance(value, str):
        if OPENING in value:
            yield pointer, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from scalars(item, f"{pointer}/{token(key)}")
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from scalars(item, f"{pointer}/{index}")


def find(value: Json) -> list[tuple[str, str]]:
    """`(pointer, expression)` of every placeholder of the tree; what is not closed is left out."""
    found = []
    for pointer, text in scalars(value):
        try:
            parts = split(text)
        except PlaceholderError:
            continue
        found += [(pointer, part.text) for part in parts if part.is_expression]
    return found


def names(expression: str) -> frozenset[str]:
    """The dotted references of an expression (`params.limit`); one that is computed shows its known prefix.

    Raises PlaceholderError when the expression cannot be read.
    """
    return references(parse(expression))


def check(expression: str) -> None:
    """Raise PlaceholderError when the expression is not of the allowed grammar."""
    names(expression)


def outermost(expression: str) -> str:
    """The name of the filter that the expression applies last, "" when that is none."""
    return outermost_filter(parse(expression))


def render(value: Json, context: JsonObject) -> Json:
    """The tree with every placeholder resolved; keys and everything else stay as they are.

    Raises PlaceholderError with the pointer of the scalar for anything undefined, malformed or too large.
    """
    return _Rendering(context).tree(value, "")


class _Rendering:
    """One render: the context and how much may still be written."""

    def __init__(self, context: JsonObject) -> None:
        self._context = context
        self._left = MAX_RENDERED

    def tree(self, value: Json, pointer: str) -> Json:
        if isinstance(value, str):
            return self._scalar(value, pointer) if OPENING in value else value
        if isinstance(value, Mapping):
            return {key: self.tree(item, f"{pointer}/{token(key)}") for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.tree(item, f"{pointer}/{index}") for index, item in enumerate(value)]
        return value

    def _scalar(self, text: str, pointer: str) -> Json:
        expression = ""
        try:
            parts = split(text)
            if len(parts) == 1:
                expression = parts[0].text
                result = self._value(expression)
                self._take(result)
                return result
            pieces = []
            for part in parts:
                expression = part.text if part.is_expression else ""
                pieces.append(_as_text(self._value(part.text)) if part.is_expression else part.text)
                self._take(pieces[-1])
            return "".join(pieces)
        except PlaceholderError as error:
            raise PlaceholderError(
                error.message, pointer=pointer, expression=error.expression or expression, hint=error.hint
            ) from error

    def _value(self, expression: str) -> Json:
        return evaluate(expression, self._context)

    def _take(self, value: Json) -> None:
        """Count what `value` adds to the result; stops walking as soon as the bound is passed."""
        pending: list[Json] = [value]
        while pending:
            item = pending.pop()
            self._left -= len(item) if isinstance(item, str) else 1
            if self._left < 0:
                raise PlaceholderError(f"the rendered document would exceed {MAX_RENDERED:,} characters")
            if isinstance(item, Mapping):
                pending.extend(item.keys())
                pending.extend(item.values())
            elif isinstance(item, (list, tuple)):
                pending.extend(item)


def _as_text(value: Json) -> str:
    """How a value reads inside a longer text: JSON's words for scalars; structures must say how."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, (int, float)):
        return str(value)
    raise PlaceholderError(
        "an object or a list cannot stand inside a longer text",
        hint="let the placeholder be the whole scalar, or end it with `| tojson` or `| join(', ')`",
    )


def token(key: object) -> str:
    """One reference token of a JSON Pointer."""
    return str(key).replace("~", "~0").replace("/", "~1")
