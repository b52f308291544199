"""What the processes of tasks write, line by line, as it comes. Pure: bytes in, lines out."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

LONGEST = 8192  # characters of a line; what is longer comes in several

Hear = Callable[[str, str], None]  # the stream (stdout or stderr) and the line


@dataclass(frozen=True, slots=True)
class Line:
    """One line that a task's process wrote. `stream` is stdout or stderr; `position` and `reference` are the
    task's, as in its record."""

    position: str
    reference: str
    stream: str
    text: str


@dataclass(slots=True)
class Splitter:
    """Makes lines of chunks that may end anywhere, inside a character too."""

    _decoder: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8")("replace")
    )
    _rest: str = ""

    def feed(self, chunk: bytes) -> Iterator[str]:
        """The lines that are whole now."""
        self._rest += self._decoder.decode(chunk)
        *whole, self._rest = self._rest.split("\n")
        for line in whole:
            yield from _pieces(line.removesuffix("\r"))
        while len(self._rest) > LONGEST:
            yield self._rest[:LONGEST]
            self._rest = self._rest[LONGEST:]

    def end(self) -> Iterator[str]:
        """What is left when nothing more comes."""
        rest = self._rest + self._decoder.decode(b"", final=True)
        self._rest = ""
        if rest:
            yield from _pieces(rest)


def _pieces(line: str) -> Iterator[str]:
    yield from (line[start : start + LONGEST] for start in range(0, max(1, len(line)), LONGEST))
