"""Everything that is wrong with a project: what each file says, and what only all of them together show.

Rule: all of it in one run, in the order of places. What was found is remembered for exactly the same files.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from caseway.model.diagnostic import Diagnostic
from caseway.repo.cache import Cache
from caseway.repo.content import content_names
from caseway.repo.diagnostic_text import from_text, to_text
from caseway.repo.load import LoadedProject

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
        known = from_text(cache.get(key, _TABLE))
        if known is not None:
            return known
    from caseway.repo.rules import run_rules  # noqa: PLC0415 - heavy, and not needed for what is remembered

    found = run_rules(project, include=include, exclude=exclude, others=project.diagnostics, cache=cache)
    if cache is not None and key and not any(item.code == "CW001" for item in found):
        cache.put(key, to_text(found), _TABLE)
    return found


def _state(project: LoadedProject, choice: Sequence[str]) -> str:
    """What identifies every file that a rule may look at; "" when only reading them all would tell."""
    state = hashlib.sha256(json.dumps(list(choice)).encode())
    for path, known in content_names(project, project.paths).items():
        if not known:
            return ""
        state.update(f"{path}\0{known}\0".encode("utf-8", "surrogatepass"))
    for item in project.diagnostics:
        state.update(repr(item).encode("utf-8", "backslashreplace"))
    return "check " + state.hexdigest()
