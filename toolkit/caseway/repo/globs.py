"""Path globs of caseway.yaml: `*` and `?` within a name, `**` across folders; a folder means all below it.

Rule: matching takes time proportional to pattern times path, whatever either holds, so no regular expression.
"""

from __future__ import annotations

from collections.abc import Sequence


def matches_any(path: str, patterns: Sequence[str]) -> bool:
    """Whether `path` or a folder around it matches one of `patterns`."""
    parts = path.split("/")
    return any(
        (pattern in {"**", "*/**", "**/*"} and (pattern != "*/**" or len(parts) > 1))
        or _path(pattern.strip("/").removeprefix("./").split("/"), parts)
        for pattern in patterns
    )


def _path(pattern: Sequence[str], parts: Sequence[str]) -> bool:
    """Greedy matching with one point to return to: the last `**`. A used-up pattern matches all below it."""
    at = here = 0
    star = mark = -1
    while here < len(parts):
        if at < len(pattern) and pattern[at] == "**":
            star, mark, at = at, here, at + 1
        elif at == len(pattern) and at > 0 and pattern[-1] != "**":
            return True
        elif at < len(pattern) and _name(pattern[at], parts[here]):
            at, here = at + 1, here + 1
        elif star >= 0:
            mark += 1
            at, here = star + 1, mark
        else:
            return False
    return all(part == "**" for part in pattern[at:])


def _name(pattern: str, name: str) -> bool:
    """The same for `*` within one name."""
    at = here = 0
    star = mark = -1
    while here < len(name):
        if at < len(pattern) and pattern[at] == "*":
            star, mark, at = at, here, at + 1
        elif at < len(pattern) and pattern[at] in {"?", name[here]}:
            at, here = at + 1, here + 1
        elif star >= 0:
            mark += 1
            at, here = star + 1, mark
        else:
            return False
    return all(character == "*" for character in pattern[at:])
