"""Everything that is wrong with a project: what each file says, and what only all of them together show.

Rule: all of it in one run, in the order of places. What was found is remembered for exactly the same files.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import astuple
from typing import Any

from caseway.model.diagnostic import Diagnostic, Severity
from caseway.repo.cache import Cache
from caseway.repo.load import LoadedProject
from caseway.repo.reader import lasting_stamp

_TABLE = "answers"


def check(
    project: LoadedProject,
    *,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    cache: Cache | None = None,
) -> list[Diagnostic]:
    """Files, schemas and rules. `include` and `exclude` choose among the codes; what the project ignores with
    a reason is left out."""
    key = _state(project, [*include, "but", *exclude]) if cache is not None else ""
    if cache is not None and key:
        known = _revived(cache.get(key, _TABLE))
        if known is not None:
            return known
    from caseway.repo.rules import run_rules  # noqa: PLC0415 - heavy, and not needed for what is remembered

    found = run_rules(project, include=include, exclude=exclude, others=project.diagnostics)
    if cache is not None and key and not any(item.code == "CW001" for item in found):
        cache.put(key, _text(found), _TABLE)
    return found


def _state(project: LoadedProject, choice: Sequence[str]) -> str:
    """What identifies every file that a rule may look at; "" when only reading them all would tell."""
    files = project.tree.files()
    now = time.time_ns()
    state = hashlib.sha256(json.dumps(list(choice)).encode())
    for path in project.paths:
        file = files[project.root + path]
        known = project.blobs.get(path) or ("" if file.is_link else file.blob) or lasting_stamp(file, now)
        if not known:
            return ""
        state.update(f"{path}\0{known}\0".encode("utf-8", "surrogatepass"))
    for item in project.diagnostics:
        state.update(repr(item).encode("utf-8", "backslashreplace"))
    return "check " + state.hexdigest()


def _text(found: Sequence[Diagnostic]) -> str:
    return json.dumps([[*astuple(item)] for item in found])


def _revived(text: str | None) -> list[Diagnostic] | None:
    try:
        rows = json.loads(text) if text is not None else None
        return None if rows is None else [_diagnostic(*row) for row in rows]
    except (ValueError, TypeError):
        return None


def _diagnostic(*row: Any) -> Diagnostic:
    file, line, column, pointer, code, severity, message, hint, is_fixable = row
    return Diagnostic(file, line, column, pointer, code, Severity(severity), message, hint, is_fixable)
