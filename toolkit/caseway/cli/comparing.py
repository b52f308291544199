"""Finds the two sides of `caseway diff`: templates of the repo, of a revision, or of the platform."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from caseway.cli.diff_text import Comparison, compared
from caseway.cli.pipeline import Asked, PlanRequest, read_desired, snapshot_of
from caseway.cli.session import Session
from caseway.model.errors import CasewayError
from caseway.model.snapshot import Process, Template

_Side = Mapping[str, tuple[str, Mapping[str, Any]]]


def compare_all(
    session: Session, use_case: str | None, *, ref: str | None, before: str | None
) -> list[Comparison]:
    """A comparison for each use case on either side (or for the one named), by name."""
    desired = read_desired(session, PlanRequest(ref=ref))
    new: dict[str, tuple[str, Mapping[str, Any]]] = {}
    for asked in desired:
        new |= {item.name: (ref or "repo", item.body) for item in asked.desired.use_cases}
    old = _older(session, desired, before)
    names = sorted(set(new) | set(old)) if use_case is None else [use_case]
    if use_case is not None and use_case not in new and use_case not in old:
        raise CasewayError(
            f"there is no use case {use_case!r}", code="not-found", hint="see 'caseway process list'"
        )
    nothing: tuple[str, Mapping[str, Any]] = ("", {})
    return [
        compared(
            name,
            old.get(name, nothing)[0],
            new.get(name, nothing)[0],
            old.get(name, nothing)[1],
            new.get(name, nothing)[1],
        )
        for name in names
    ]


def _older(session: Session, desired: tuple[Asked, ...], before: str | None) -> _Side:
    if before is not None and not before[:1].isdigit():
        side: dict[str, tuple[str, Mapping[str, Any]]] = {}
        for asked in read_desired(session, PlanRequest(ref=before)):
            side |= {item.name: (before, item.body) for item in asked.desired.use_cases}
        return side
    side = {}
    for asked in desired:
        with snapshot_of(session, asked) as actual:
            for name, process in actual.processes.items():
                template = _chosen(process, before)
                if process.project == asked.desired.project and template is not None:
                    side[name] = (template.version, dict(template.body))
    return side


def _chosen(process: Process, version: str | None) -> Template | None:
    if version is not None:
        return next((item for item in process.templates if item.version == version), None)
    return process.templates[-1] if process.templates else None
