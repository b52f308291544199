"""Everything that is wrong with a project: what each file says, and what only all of them together show.

Rule: all of it in one run, in the order of places.
"""

from __future__ import annotations

from collections.abc import Sequence

from caseway.model.diagnostic import Diagnostic
from caseway.repo.load import LoadedProject
from caseway.repo.rules import run_rules


def check(
    project: LoadedProject, *, include: Sequence[str] = (), exclude: Sequence[str] = ()
) -> list[Diagnostic]:
    """Files, schemas and rules. `include` and `exclude` choose among the codes; what the project ignores with
    a reason is left out."""
    return run_rules(project, include=include, exclude=exclude, others=project.diagnostics)
