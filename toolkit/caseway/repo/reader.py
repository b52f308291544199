"""Reads the files of one tree, each content once, from the cache where it can.

Rule: a tree has a budget of bytes and of values; when it is used up nothing more is read, and that is said.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from functools import partial
from itertools import islice

from caseway.repo.cache import Cache
from caseway.repo.discover import Role
from caseway.repo.examine import N8N_SUFFIX, Examined, examine
from caseway.repo.findings import finding
from caseway.repo.limits import TREE_BYTES, TREE_NODES
from caseway.repo.positions import Positions
from caseway.repo.tree import FileId, Tree, UnreadableError

_YOUNG_NS = 2_000_000_000  # a file changed this shortly ago may change again without its times showing it
_BATCH = 1000  # files asked of the cache at once
_HELD_BYTES = 8_000_000  # contents held at once
_KEPT_BYTES = 100_000_000  # contents kept for those who look at the text again


class Reader:
    """Examines files of `tree`. `blobs` holds git's id of every content that was examined, `kept` the content
    of those that had to be read, as far as there is room."""

    def __init__(self, tree: Tree, cache: Cache | None, now: Callable[[], int] = time.time_ns) -> None:
        self.tree = tree
        self.files: Mapping[str, FileId] = tree.files()
        self.blobs: dict[str, str] = {}
        self.kept: dict[str, bytes] = {}
        self._kept_room = _KEPT_BYTES
        self._cache = cache
        self._now = now
        self._bytes = TREE_BYTES
        self._nodes = TREE_NODES

    def positions(self, path: str, index: int) -> Positions:
        """The places of one document of a file, which is read again when somebody asks."""
        return Positions(partial(_again, self.tree, path), index, is_json=path.endswith(".json"))

    def examine(self, root: str, roles: Mapping[str, Role]) -> dict[str, Examined]:
        """Each file of `roles` (relative to `root`), examined."""
        found: dict[str, Examined] = {}
        todo = iter(roles.items())
        while batch := dict(islice(todo, _BATCH)):
            found |= self._batch(root, batch)
        return found

    def _batch(self, root: str, roles: Mapping[str, Role]) -> dict[str, Examined]:
        found = self._known_by_id(root, roles)
        missing = [root + path for path in roles if path not in found]
        held: dict[str, bytes] = {}
        room = _HELD_BYTES
        for full, content in self.tree.read_all(missing):
            path = full[len(root) :]
            if isinstance(content, UnreadableError):
                found[path] = Examined((), (finding(content.code, "", content.message, hint=content.hint),))
                continue
            held[path] = content
            room -= len(content)
            self._keep(full, content)
            if room <= 0:
                found |= self._contents(root, held, roles)
                held, room = {}, _HELD_BYTES
        return found | self._contents(root, held, roles)

    def _keep(self, full: str, content: bytes) -> None:
        self._kept_room -= len(content)
        if self._kept_room >= 0:
            self.kept[full] = content

    def _contents(
        self, root: str, contents: Mapping[str, bytes], roles: Mapping[str, Role]
    ) -> dict[str, Examined]:
        """What files with these contents say."""
        blobs = {path: blob_id(content) for path, content in contents.items()}
        self.blobs |= {root + path: blob for path, blob in blobs.items()}
        found = self._known(root, blobs, roles)
        fresh: dict[str, str] = {}
        for path, content in contents.items():
            if path not in found:
                found[path] = self._examined(content, path, roles[path])
                if self._cache is not None and self._has_room:
                    fresh[_row(blobs[path], path, roles[path])] = found[path].to_text()
        if self._cache is not None:
            now = self._now()
            stamps = {lasting_stamp(self.files[root + path], now): blob for path, blob in blobs.items()}
            stamps.pop("", None)
            self._cache.put_all(fresh, "files")
            self._cache.put_all(stamps, "stamps")
        return found

    @property
    def _has_room(self) -> bool:
        return self._bytes >= 0 and self._nodes >= 0

    def _examined(self, content: bytes, path: str, role: Role) -> Examined:
        self._bytes -= len(content)
        if not self._has_room:
            hint = "narrow spec.include in caseway.yaml"
            return Examined(
                (), (finding("CW117", "", "the project is too large: this file is not read", hint=hint),)
            )
        found = examine(content, path, role)
        self._nodes -= found.nodes
        return found

    def _known_by_id(self, root: str, roles: Mapping[str, Role]) -> dict[str, Examined]:
        """What the cache knows of files whose content need not be read to be known."""
        if self._cache is None:
            return {}
        ids = {path: self.files[root + path] for path in roles if not self.files[root + path].is_link}
        by_stamp = self._cache.get_all([each.stamp for each in ids.values() if each.stamp], "stamps")
        blobs = {path: each.blob or by_stamp.get(each.stamp, "") for path, each in ids.items()}
        found = self._known(root, {path: blob for path, blob in blobs.items() if blob}, roles)
        self.blobs |= {root + path: blobs[path] for path in found}
        return found

    def _known(self, root: str, blobs: Mapping[str, str], roles: Mapping[str, Role]) -> dict[str, Examined]:
        """What the cache knows of contents."""
        if self._cache is None:
            return {}
        rows = {path: _row(blob, path, roles[path]) for path, blob in blobs.items()}
        texts = self._cache.get_all(set(rows.values()), "files")
        found: dict[str, Examined] = {}
        for path, row in rows.items():
            known = _revived(texts.get(row)) if self._has_room else None
            if known is not None:
                self._nodes -= known.nodes
                self._bytes -= self.files[root + path].size
                found[path] = known
        return found


def lasting_stamp(file: FileId, now: int) -> str:
    """The stamp of a file on disk, "" when its content may yet change under the same stamp. `now` in ns."""
    if file.is_link or not file.stamp:
        return ""
    changed = max(int(time_ns) for time_ns in file.stamp.split(":")[3:])
    return file.stamp if now - changed > _YOUNG_NS else ""


def blob_id(content: bytes) -> str:
    """Git's id of `content`, as `git hash-object` gives it."""
    head = b"blob %d\0" % len(content)
    return hashlib.sha1(head + content, usedforsecurity=False).hexdigest()


def _row(blob: str, path: str, role: Role) -> str:
    """The cache's key: everything that `examine` depends on."""
    name = path.rpartition("/")[2]
    kind = name if name.endswith(N8N_SUFFIX) else name.rpartition(".")[2]
    return f"{blob}:{role}:{kind}"


def _revived(text: str | None) -> Examined | None:
    if text is None:
        return None
    try:
        return Examined.from_text(text)
    except (ValueError, TypeError):
        return None


def _again(tree: Tree, path: str) -> bytes:
    try:
        return tree.read(path)
    except UnreadableError:
        return b""
