"""What identifies the content of a project's files without reading them.

Rule: the same name means the same bytes; what cannot be named so is "", and nothing is remembered for it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

from caseway.repo.load import LoadedProject
from caseway.repo.reader import lasting_stamp


def content_names(project: LoadedProject, paths: Iterable[str], now: int | None = None) -> Mapping[str, str]:
    """By path: git's id of what was read, or what git or the disk say of files that were not. `now` in ns."""
    moment = time.time_ns() if now is None else now
    files = project.tree.files()
    found: dict[str, str] = {}
    for path in paths:
        name = project.blobs.get(path)
        if not name:
            file = files[project.root + path]
            name = ("" if file.is_link else file.blob) or lasting_stamp(file, moment)
        found[path] = name
    return found
