"""From a change in a repo to its preview stage, on a platform near or far.

Rule: what a preview may use is decided by the base, never by the change itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from caseway.delivery.pipeline import PlanRequest, read_desired
from caseway.model.desired import Desired
from caseway.model.errors import CasewayError
from caseway.operations.client import Client, every
from caseway.operations.desired_state import as_json
from caseway.reconcile.preview import touched, with_callees
from caseway.reconcile.uncommitted import only


@dataclass(frozen=True, slots=True)
class PreviewRequest:
    """Which preview to bring up for `head`, the whole project at the change, beside `base`, the project that
    it would be merged into (None: beside what the platform has). `sequence` orders the runs for one id."""

    id: str
    head: Desired
    base: Desired | None = None
    ref: str = ""
    link: str = ""
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class ChangeRequest:
    """Where to read a change: the project at `root`, at commit `ref` (None: the work tree), beside commit
    `base` ("" for none)."""

    root: Path
    id: str
    ref: str | None = None
    base: str = ""
    organization: str = ""
    link: str = ""
    sequence: int = 0


def preview_request(asked: ChangeRequest) -> PreviewRequest:
    """The change, read and valid. Raises `InvalidProject`, `several-projects`."""
    head = _project(PlanRequest(asked.root, asked.ref, organization=asked.organization))
    base = None
    if asked.base:
        base = _base(PlanRequest(asked.root, asked.base, organization=asked.organization), head)
    return PreviewRequest(asked.id, head, base, asked.ref or "", asked.link, asked.sequence)


def preview_up(client: Client, request: PreviewRequest) -> dict[str, Any]:
    """Bring the preview up, or to its next commit; the preview as JSON. Only what the change touches, and
    what that calls, is sent."""
    head, names = request.head, None
    if request.base is not None:
        head = replace(head, previews=request.base.previews)
        names = sorted(touched(request.base, head))
        head = only(head, with_callees(names, head))
    return client.call(
        "previews.up",
        project=head.project,
        id=request.id,
        desired=as_json(head),
        use_cases=names,
        ref=request.ref,
        link=request.link,
        sequence=request.sequence,
    )


def preview_stale(client: Client, project: str, preview: str, error: str) -> dict[str, Any] | None:
    """Say that a newer commit is broken; None when there is no such preview."""
    try:
        return client.call("previews.stale", project=project, id=preview, error=error[:10_000])
    except CasewayError as problem:
        if problem.code == "not-found":
            return None
        raise


def preview_down(client: Client, project: str, preview: str) -> dict[str, Any]:
    """Take the preview away; nothing of it stays. There need be none."""
    return client.call("previews.down", project=project, id=preview)


def preview_list(client: Client, project: str = "") -> list[dict[str, Any]]:
    """The previews of a project, or all."""
    return every(client, "previews.list", project=project)


def preview_gc(client: Client, project: str = "", keep: Sequence[str] | None = None) -> list[str]:
    """Destroy what is overdue, orphaned, or of `project` and not in `keep`; `<project>/<id>` of each."""
    told = client.call("previews.collect", project=project, keep=None if keep is None else list(keep))
    return list(told["destroyed"])


def _project(request: PlanRequest) -> Desired:
    found = read_desired(request)
    if len(found) != 1:
        raise CasewayError(
            f"there are {len(found)} projects here, a preview is of one",
            code="several-projects",
            hint="choose one with -C PATH",
        )
    return found[0].desired


def _base(request: PlanRequest, head: Desired) -> Desired:
    """The project as it was. Of one that was not there yet, or that does not hold, everything is new and no
    credential is marked for previews."""
    try:
        return _project(request)
    except CasewayError as error:
        if error.code not in {"no-project", "no-such-path", "invalid-project"}:
            raise
    policy = replace(head.previews, credentials=())
    return replace(head, use_cases=(), instances=(), runtimes=(), connections=(), previews=policy)
