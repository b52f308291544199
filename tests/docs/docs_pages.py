"""The pages of the documentation, read for the tests: links, examples, commands. No effects but reading."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CLONE = Path(__file__).resolve().parents[2]
_FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Example:
    """A fenced block: its language, text, place, and the comment in the line above it."""

    language: str
    text: str
    place: str
    note: str


def pages() -> list[Path]:
    """Every Markdown page that people read: the root's, docs/ and the sample's."""
    folders = (CLONE / "docs", CLONE / "sample-repo")
    return [
        *sorted(CLONE.glob("*.md")),
        *sorted(page for folder in folders for page in folder.rglob("*.md")),
        *sorted((CLONE / "benchmarks").glob("*.md")),
    ]


def examples(page: Path) -> Iterator[Example]:
    """The fenced blocks of a page."""
    text = page.read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        above = text[: found.start()].rstrip("\n").rsplit("\n", 1)[-1]
        note = above.removeprefix("<!--").removesuffix("-->").strip() if above.startswith("<!--") else ""
        line = text.count("\n", 0, found.start()) + 1
        yield Example(found[1], found[2], f"{page.relative_to(CLONE)}:{line}", note)


def prose(page: Path) -> str:
    """A page without its fenced blocks and inline code, so that what looks like a link is one."""
    return re.sub(r"`[^`\n]+`", "", prose_with_code(page))


def prose_with_code(page: Path) -> str:
    """A page without its fenced blocks."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """The anchors that a page's headings make, as forges do it."""
    titles = re.findall(r"^#+ +(.+?) *$", prose_with_code(page), re.MULTILINE)
    plain = (re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", title).replace("`", "") for title in titles)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in plain}


def all_text() -> str:
    """Everything the pages say."""
    return "\n".join(page.read_text(encoding="utf-8") for page in pages())
