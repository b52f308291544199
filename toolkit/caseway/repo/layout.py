"""The canonical layout of a file: what two people who mean the same would both have written.

The one rule: the file says the same before and after, comments included; else it is left as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from caseway.repo.edits import tidied
from caseway.repo.load import LoadedProject
from caseway.repo.parse import Parsed, parse

_HEAD = ("$schema", "apiVersion", "kind", "metadata", "spec")  # the order of a document's own keys
_KEY = re.compile(r"([A-Za-z$][\w$-]*):(?:\s|$)")
_TRAILING = re.compile(r"[ \t]+$", re.MULTILINE)
_BLANKS = re.compile(r"\n{3,}")


def layouts(project: LoadedProject) -> dict[str, str]:
    """The files of the project that are laid out otherwise, with their new text."""
    found = {}
    for path in sorted({document.path for document in project.documents}):
        old = project.text(path)
        new = laid_out(old, path)
        if new != old:
            found[path] = new
    return found


def laid_out(text: str, path: str) -> str:
    """`text` in its canonical layout: line ends, spaces and blank lines; a document's keys in their order;
    JSON with two spaces. `text` itself when it cannot be read."""
    before = _read(text, path)
    if not before.is_sound:
        return text
    for better in _steps(text, path):
        after = _read(better, path)
        if after.is_sound and _values(after) == _values(before):
            text = better
    return text


def _steps(text: str, path: str) -> Iterator[str]:
    """Layouts, each better than the one before; one that changes what is said is passed over."""
    for text in tidied(text):  # noqa: B020, PLR1704 - each step goes on from the last
        yield text
    if path.endswith(".json"):
        yield _json(text)
        return
    plain = _TRAILING.sub("", text)
    yield plain
    plain = _BLANKS.sub("\n\n", plain).lstrip("\n")
    yield plain
    yield "".join(_ordered(part) for part in re.split(r"(?m)(^---.*\n)", plain))


def _json(text: str) -> str:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return json.dumps(_headed(value), indent=2, ensure_ascii=False) + "\n"


def _headed(value: Any) -> Any:
    if not isinstance(value, dict) or "kind" not in value:
        return value
    first = {key: value[key] for key in _HEAD if key in value}
    return {**first, **value}


def _ordered(document: str) -> str:
    """One YAML document with its own keys in their order, each with the comment above it."""
    lines = document.splitlines(keepends=True)
    starts = [index for index, line in enumerate(lines) if _KEY.match(line)]
    keys = [found[1] for index in starts if (found := _KEY.match(lines[index]))]
    if "kind" not in keys or not set(keys) <= set(_HEAD) or not lines[-1].endswith("\n"):
        return document
    begins = [starts[0], *(_with_comment(lines, index) for index in starts[1:])]
    parts = ["".join(lines[a:b]) for a, b in zip(begins, [*begins[1:], len(lines)], strict=True)]
    ranked = sorted(zip(keys, parts, strict=True), key=lambda pair: _HEAD.index(pair[0]))
    return "".join(lines[: begins[0]]) + "".join(part for _, part in ranked)


def _with_comment(lines: list[str], index: int) -> int:
    while index > 0 and lines[index - 1].startswith("#"):
        index -= 1
    return index


def _read(text: str, path: str) -> Parsed:
    return parse(text.encode("utf-8", "surrogateescape"), path)


def _values(parsed: Parsed) -> list[Any]:
    return [document.value for document in parsed.documents]
