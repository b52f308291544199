"""Keeps one comment up to date on any forge: found by a mark, updated in place, never doubled.

Rule: only a comment that we wrote is touched, for anybody can write our mark."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Protocol

from caseway.github.forge import Note


class Comments(Protocol):
    """The comments of one pull request. `id`, `body` and an address are what a comment needs to have."""

    def every(self) -> list[Mapping[str, Any]]:
        """All of them."""
        ...

    def is_own(self, comment: Mapping[str, Any]) -> bool:
        """Whether we wrote it."""
        ...

    def create(self, body: str) -> Mapping[str, Any]:
        """A new one."""
        ...

    def update(self, comment: Mapping[str, Any], body: str) -> Mapping[str, Any]:
        """The same one with another body."""
        ...

    def delete(self, comment: Mapping[str, Any]) -> None:
        """It is gone."""
        ...


def keep(comments: Comments, note: Note) -> Mapping[str, Any]:
    """The one comment of the note's key, as the newest run wants it."""
    mine = _marked(comments, note.key)
    if not mine:
        made = comments.create(note.body)
        mine = _marked(comments, note.key)  # another run may have made one in the same moment
        if len(mine) < 2:
            return made
    first = mine[0]
    newest = max(mine, key=lambda each: order_of(each["body"], note.key) or (0, 0))
    is_newer = (order_of(newest["body"], note.key) or (0, 0)) > note.order
    wanted = str(newest["body"]) if is_newer else note.body
    if first["body"] != wanted:
        first = comments.update(first, wanted)
    for other in mine[1:]:
        comments.delete(other)
    return first


def order_of(body: object, key: str) -> tuple[int, int] | None:
    """The order of the run that wrote this comment, None when it is not the comment of `key`."""
    found = re.match(rf"<!-- caseway:{re.escape(key)} run=(\d{{1,18}})\.(\d{{1,9}}) -->", str(body))
    return (int(found[1]), int(found[2])) if found else None


def _marked(comments: Comments, key: str) -> list[Mapping[str, Any]]:
    """Ours, the oldest first."""
    marked = [each for each in comments.every() if order_of(each.get("body"), key)]
    return sorted((each for each in marked if comments.is_own(each)), key=lambda each: int(each["id"]))
