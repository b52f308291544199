"""From a repo to a live stage: read, validate, plan, guard, apply, report. Every way in goes through here.

Rule: what is planned was valid, and what is applied was planned by the platform it is applied to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from caseway.delivery.reading import read_project, require_valid
from caseway.model.desired import Desired
from caseway.model.errors import CasewayError
from caseway.model.plan import Plan
from caseway.operations.client import Client, Listener, PlanOptions

if TYPE_CHECKING:
    from caseway.platform.apply import ApplyReport
    from caseway.repo.read import Reading


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """What to read and how to plan it. `root` is a project's folder (or one above several), `ref` a commit to
    read instead of the work tree, `since` the one after which no commit may add a secret; `organization`,
    `overlay` and `stage` are "" when the project decides."""

    root: Path = Path()
    ref: str | None = None
    stage: str = ""
    organization: str = ""
    overlay: str = ""
    prune: bool = False
    allow_mass_delete: bool = False
    since: str = ""

    @property
    def options(self) -> PlanOptions:
        """What the platform needs to know of it."""
        return PlanOptions(self.stage, self.prune, self.allow_mass_delete)


@dataclass(frozen=True, slots=True)
class Asked:
    """What one project asks for, and the folder it lies in."""

    folder: Path
    desired: Desired


def read_desired(request: PlanRequest) -> tuple[Asked, ...]:
    """What the valid project(s) ask for; raises `InvalidProject` otherwise."""
    reading = read_project(request.root, ref=request.ref, since=request.since)
    require_valid(reading)
    known = []
    for project, desired in zip(reading.projects, _desired(reading, request.overlay), strict=True):
        _require_stage(desired, request.stage)
        named = replace(desired, organization=request.organization) if request.organization else desired
        known.append(Asked(reading.root / project.root, named))
    return tuple(known)


def plan_project(client: Client, desired: Desired, request: PlanRequest) -> Plan:
    """What the platform behind `client` would have to do; nothing is changed."""
    return client.plan(desired, request.options)


def require_unblocked(plan: Plan) -> None:
    """Raise `plan-blocked` with every reason."""
    if plan.blocked:
        raise CasewayError(
            "the plan cannot be applied:\n" + "\n".join(f"  - {reason}" for reason in plan.blocked),
            code="plan-blocked",
            place=plan.project,
        )


def apply_plan(client: Client, plan: Plan, on_progress: Listener | None = None) -> ApplyReport | None:
    """Carry out the plan; None when there was nothing to do. Raises `plan-blocked`, `plan-stale`,
    `lease-held`."""
    require_unblocked(plan)
    if plan.is_empty:
        return None
    return client.apply(plan, on_progress or _unheard)


def report_json(plan: Plan, report: ApplyReport | None) -> dict[str, Any]:
    """What became of a plan, in the shape of `caseway apply --format json`."""
    from caseway.reconcile.serialize import as_json  # noqa: PLC0415 - a report in words needs none of it

    results = [
        {
            "id": result.id,
            "status": result.status,
            "seconds": round(result.seconds, 4),
            "details": result.details,
            "error": {"code": result.error_code, "message": result.message, "hint": result.hint}
            if result.error_code
            else None,
        }
        for result in (report.results if report else ())
    ]
    is_ok = report is None or report.is_ok
    revision = report.revision if report else plan.revision
    return {"ok": is_ok, "revision": revision, "results": results, "plan": as_json(plan)}


def _desired(reading: Reading, overlay: str) -> tuple[Desired, ...]:
    if not overlay:
        return reading.desired
    from caseway.repo.compile import desired  # noqa: PLC0415 - most projects are read as they stand
    from caseway.repo.overlay import overlaid  # noqa: PLC0415 - as above

    return tuple(desired(overlaid(each, overlay), reading.source) for each in reading.projects)


def _require_stage(desired: Desired, stage: str) -> None:
    names = [item.name for item in desired.stages]
    if stage and stage not in names:
        raise CasewayError(
            f"project {desired.project} has no stage {stage!r}",
            code="no-such-stage",
            hint=f"it has: {', '.join(names)}",
        )


def _unheard(_event: object) -> None:
    """Nobody listens to the progress."""
