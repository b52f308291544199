"""Pulls projects from where they are registered: look, fetch, plan, apply, remember.

The one rule: what is applied is what the remote has now, never what somebody said it has."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from semver import Version

from caseway.delivery.pipeline import PlanRequest, apply_plan, plan_project, read_desired
from caseway.delivery.pull_fetch import Heads, fetch, heads
from caseway.delivery.reading import InvalidProject
from caseway.delivery.refs import HEADS, TAGS, stages_for
from caseway.model.access import local
from caseway.model.desired import Desired, Stage
from caseway.model.errors import CasewayError
from caseway.operations.local_client import LocalClient
from caseway.platform import pulling, pulling_deliveries
from caseway.platform.bundle import Platform
from caseway.platform.patience import patiently
from caseway.platform.pulling import ProjectView, Remote, Secrets

ACTOR = "pull"
EVERY = 1.0  # seconds between two looks for something due
_SHOWN = 5


def pull_due(platform: Platform, cache: Path) -> str | None:
    """Look at the project that waits longest; its name, None when none is due."""
    began = platform.clock()
    claimed = pulling.claim_due(platform)
    if claimed is None:
        return None
    remote, secrets, before = claimed
    error = ""
    seen: dict[str, object] = {}
    try:
        _pull(platform, cache, (remote, secrets, before), seen)
    except CasewayError as problem:
        error = _words(problem)
    pulling.looked(platform, remote, error=error, **seen)
    pulling_deliveries.settle(platform, remote.organization, remote.project, since=began, error=error)
    return remote.project


def _pull(
    platform: Platform, cache: Path, of: tuple[Remote, Secrets, ProjectView], seen: dict[str, object]
) -> None:
    """Bring every stage to what its ref has; what was found out goes to `seen` as it is known."""
    remote, secrets, before = of
    now = heads(cache, remote.url, secrets)
    if not now.default or now.default not in now.commits:
        raise CasewayError("the repository is empty", code="git-fetch", place=remote.url, hint="push to it")
    folder = fetch(cache, remote.url, secrets, [now.default])
    main = _desired(folder, remote, now.commits[now.default])
    wanted = stage_refs(main.stages, now)
    seen["heads"] = {ref: now.commits[ref] for ref in sorted({now.default, *wanted.values()})}
    others = sorted(set(wanted.values()) - {now.default})
    if others:
        fetch(cache, remote.url, secrets, others)
    applied, drift = dict(before.applied), 0
    client = LocalClient(platform, local(remote.organization, ACTOR))
    for stage, ref in wanted.items():
        commit = now.commits[ref]
        desired = main if commit == main.source.commit else _desired(folder, remote, commit)
        drift += _bring(client, (remote, desired, stage), is_known=applied.get(stage) == commit)
        applied[stage] = commit
        seen["applied"] = dict(applied)
    seen["drift"] = drift


def _bring(client: LocalClient, of: tuple[Remote, Desired, str], *, is_known: bool) -> int:
    """Bring one stage to `desired`; how much of it drifts and is left so."""
    remote, desired, stage = of
    request = PlanRequest(stage=stage, prune=remote.prunes)
    if is_known and not remote.heals:
        return len(plan_project(client, desired, request).actions)
    report = patiently(lambda: apply_plan(client, plan_project(client, desired, request)), time.sleep)
    if report is not None and not report.is_ok:
        failed = "; ".join(f"{item.id}: {item.message}" for item in report.failed[:_SHOWN])
        raise CasewayError(f"stage {stage}: {failed}", code="apply-failed", place=stage)
    return 0


def stage_refs(stages: tuple[Stage, ...], now: Heads) -> Mapping[str, str]:
    """By stage in the project's order, the ref whose commit it runs; stages that no ref deploys to are not
    there. Of several branches the default one counts, of several tags the highest version."""
    default = now.default.removeprefix(HEADS)
    found: dict[str, list[str]] = {}
    for ref in now.commits:
        for stage in stages_for(stages, ref, default):
            found.setdefault(stage, []).append(ref)
    order = [stage.name for stage in stages]

    def rank(ref: str) -> tuple[bool, bool, Version, str]:
        name = ref.removeprefix(TAGS).removeprefix("v")
        version = Version.parse(name) if Version.is_valid(name) else Version(0)
        return ref == now.default, ref.startswith(TAGS), version, ref

    return {name: max(found[name], key=rank) for name in order if name in found}


def _desired(folder: Path, remote: Remote, commit: str) -> Desired:
    asked = PlanRequest(folder, commit, organization=remote.organization)
    every = {item.desired.project: item.desired for item in read_desired(asked)}
    if remote.project not in every:
        raise CasewayError(
            f"the repository has no project {remote.project!r}",
            code="no-such-project",
            place=remote.url,
            hint=f"it has: {', '.join(sorted(every)) or 'none'}",
        )
    return every[remote.project]


def _words(problem: CasewayError) -> str:
    """The error with the first places that are wrong."""
    if not isinstance(problem, InvalidProject):
        return problem.message + (f" ({problem.hint})" if problem.hint else "")
    errors = [item for item in problem.diagnostics if item.severity == "error"]
    shown = [f"{item.file}:{item.line}:{item.column} {item.code} {item.message}" for item in errors[:_SHOWN]]
    more = [f"and {len(errors) - _SHOWN} more"] if len(errors) > _SHOWN else []
    return "\n".join([problem.message, *shown, *more])
