"""From a repo to a plan, the same way for every command: read, validate, snapshot, plan."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from caseway.cli.reading import read_project, require_valid
from caseway.cli.session import Session, sqlite_file
from caseway.model.desired import Desired
from caseway.model.errors import CasewayError
from caseway.model.plan import Plan
from caseway.model.snapshot import Snapshot

if TYPE_CHECKING:
    from caseway.platform.compose import Platform
    from caseway.repo.read import Reading


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """What the user asked to have planned."""

    path: str | None = None
    ref: str | None = None
    prune: bool = False
    allow_mass_delete: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """What one project asks for, and the folder it lies in: there its platform is, unless a setting says."""

    folder: str
    desired: Desired


def read_desired(session: Session, request: PlanRequest) -> tuple[Asked, ...]:
    """What the valid project(s) ask for; raises `InvalidProject` otherwise."""
    root = session.project_root(request.path)
    reading = read_project(root, ref=request.ref)
    require_valid(reading)
    organization = session.settings.organization
    known = []
    for project, desired in zip(reading.projects, _desired(session, reading), strict=True):
        _require_stage(desired, session.settings.stage)
        named = replace(desired, organization=organization) if organization else desired
        known.append(Asked(str(reading.root / project.root), named))
    return tuple(known)


def _desired(session: Session, reading: Reading) -> tuple[Desired, ...]:
    if not session.settings.overlay:
        return reading.desired
    from caseway.repo.compile import desired
    from caseway.repo.overlay import overlaid

    name = session.settings.overlay
    return tuple(desired(overlaid(each, name), reading.source) for each in reading.projects)


def _require_stage(desired: Desired, stage: str) -> None:
    names = [item.name for item in desired.stages]
    if stage and stage not in names:
        raise CasewayError(
            f"project {desired.project} has no stage {stage!r}",
            code="no-such-stage",
            hint=f"it has: {', '.join(names)}",
        )


@contextmanager
def snapshot_of(session: Session, asked: Asked) -> Iterator[Snapshot]:
    """The platform as it is, an empty one when there is no database yet; good as long as the block lasts, for
    templates are read when somebody looks into them. Writes nothing."""
    file = sqlite_file(session.database_url(session.project_root(asked.folder)))
    if file is not None and not file.exists():
        yield Snapshot(revision=0)
        return
    with session.platform(asked.folder) as platform:
        yield read_snapshot_of(platform, asked.desired)


def read_snapshot_of(platform: Platform, desired: Desired) -> Snapshot:
    """The platform's snapshot, cut down to what `desired` is about; good while the platform is open."""
    from caseway.platform.snapshot import read_snapshot

    return read_snapshot(platform, desired.organization)


def make_plan(session: Session, request: PlanRequest, desired: Desired, actual: Snapshot) -> Plan:
    """The plan that turns `actual` into `desired`."""
    from caseway.reconcile.plan import plan

    return plan(
        desired,
        actual,
        stage=session.settings.stage,
        prune=request.prune,
        allow_mass_delete=request.allow_mass_delete,
    )


def plan_all(session: Session, request: PlanRequest) -> list[Plan]:
    """The plans of the project(s) in the requested path, in the order they would be applied."""
    plans = []
    for asked in read_desired(session, request):
        with snapshot_of(session, asked) as actual:
            plans.append(make_plan(session, request, asked.desired, actual))
    return plans


def require_unblocked(plan: Plan) -> None:
    """Raise `plan-blocked` with every reason."""
    if plan.blocked:
        raise CasewayError(
            "the plan cannot be applied:\n" + "\n".join(f"  - {reason}" for reason in plan.blocked),
            code="plan-blocked",
            place=plan.project,
        )


def is_plan_file(path: str | None, start: Path) -> bool:
    """Whether PATH is a saved plan and not a project's folder."""
    return path is not None and (start / path).is_file()


def save_plan(plans: list[Plan], file: Path) -> None:
    """Write the one plan to `file`, whole or not at all. It may hold parameter values, so only its owner may
    read it."""
    if len(plans) != 1:
        raise CasewayError(
            f"there are {len(plans)} projects here, a plan file holds one",
            code="several-projects",
            hint="choose one with -C PATH",
        )
    from caseway.cli.files import write_private
    from caseway.reconcile.serialize import to_file

    write_private(file, to_file(plans[0]))


def open_plan(file: Path) -> Plan:
    """The plan saved in `file`."""
    from caseway.reconcile.serialize import from_file

    return from_file(file.read_text(encoding="utf-8"))
