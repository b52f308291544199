"""What the command line adds to the pipeline: settings become requests, plans become files."""

from __future__ import annotations

from pathlib import Path

from caseway.cli.session import Session
from caseway.delivery.pipeline import Asked, PlanRequest, plan_project, read_desired
from caseway.model.errors import CasewayError
from caseway.model.plan import Plan


def asked_to_plan(
    session: Session,
    path: str | None = None,
    ref: str | None = None,
    *,
    prune: bool = False,
    allow_mass_delete: bool = False,
) -> PlanRequest:
    """What is to be planned: the arguments of the command, the rest from the settings."""
    settings = session.settings
    return PlanRequest(
        session.project_root(path),
        ref,
        stage=settings.stage,
        organization=settings.organization,
        overlay=settings.overlay,
        prune=prune,
        allow_mass_delete=allow_mass_delete,
    )


def plan_all(session: Session, request: PlanRequest) -> list[Plan]:
    """The plans of the project(s) in the requested path, in the order they would be applied."""
    return [_plan(session, request, asked) for asked in read_desired(request)]


def _plan(session: Session, request: PlanRequest, asked: Asked) -> Plan:
    with session.planner(asked.folder, asked.desired.organization) as client:
        return plan_project(client, asked.desired, request)


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
