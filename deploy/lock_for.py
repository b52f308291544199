"""Prints a lock file for another Python: lock_for.py LOCK <FACTS

A lock says with markers which Python needs what, and pip decides them for the Python that runs it. Here they
are decided for the one whose FACTS come in, as JSON: what it needs is printed, without the markers."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from pip._vendor.packaging.markers import Marker


def decided(lines: list[str], facts: dict[str, str]) -> Iterator[str]:
    """The lines of what that Python needs; those that begin with a blank belong to the one above."""
    is_needed = True
    for line in lines:
        wanted, semicolon, rest = line.partition(" ; ")
        if semicolon and not line.startswith((" ", "#")):
            marker, backslash, _ = rest.partition(" \\")
            is_needed = Marker(marker).evaluate(facts)
            line = wanted + backslash  # noqa: PLW2901 - the line that is printed
        elif line.strip() and not line.startswith(" "):
            is_needed = True
        if is_needed:
            yield line


if __name__ == "__main__":
    lock = Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()
    sys.stdout.writelines(f"{line}\n" for line in decided(lock, json.load(sys.stdin)))
