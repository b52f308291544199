"""Finds the two sides of `caseway diff`: templates of the repo, of a revision, or of the platform."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from caseway.cli.diff_text import Comparison, compared
from caseway.cli.pipeline import asked_to_plan
from caseway.cli.session import Session
from caseway.delivery.pipeline import Asked, read_desired
from caseway.model.errors import CasewayError
from caseway.operations.client import Client, every

_Side = Mapping[str, tuple[str, Mapping[str, Any]]]


def compare_all(
    session: Session, use_case: str | None, *, ref: str | None, before: str | None
) -> list[Comparison]:
    """A comparison for each use case on either side (or for the one named), by name."""
    desired = read_desired(asked_to_plan(session, ref=ref))
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
        for asked in read_desired(asked_to_plan(session, ref=before)):
            side |= {item.name: (before, item.body) for item in asked.desired.use_cases}
        return side
    side = {}
    for asked in desired:
        with session.planner(asked.folder, asked.desired.organization) as client:
            side |= _kept(client, asked.desired.project, before, session.settings.stage)
    return side


def _kept(client: Client, project: str, version: str | None, stage: str) -> _Side:
    """What the platform keeps of the project's processes: that version of each, or what runs in the stage, or
    the newest; nothing where there is no platform yet."""
    try:
        processes = every(client, "processes.list", archived=True)
        running = every(client, "instances.list", stage=stage) if stage and version is None else []
    except CasewayError as error:
        if error.code == "no-platform":
            return {}
        raise
    side: dict[str, tuple[str, Mapping[str, Any]]] = {}
    there = {item["process"]: item["version"] for item in running}
    for process in processes:
        wanted = there.get(process["name"], "") if stage and version is None else version
        chosen = _chosen(process["templates"], wanted)
        if process["project"] == project and chosen:
            found = client.call("templates.get", process=process["name"], version=chosen)
            side[process["name"]] = (chosen, found["body"])
    return side


def _chosen(templates: list[dict[str, Any]], version: str | None) -> str:
    """The version meant; "" when it is not there. Templates stand newest first."""
    versions = [item["version"] for item in templates]
    if version is None:
        return versions[0] if versions else ""
    return version if version in versions else ""
