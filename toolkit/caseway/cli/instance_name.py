"""Which instance a name means when --stage is given: then it may be the process's name as well."""

from __future__ import annotations

from caseway.cli.session import Session
from caseway.model.errors import CasewayError
from caseway.operations.client import Client, every


def instance_name(session: Session, client: Client, name: str) -> str:
    """`name` itself; with --stage, the instance there of that name or the only one of that process."""
    stage = session.settings.stage
    if not stage:
        return name
    there = every(client, "instances.list", stage=stage, archived=True)
    if any(view["name"] == name for view in there):
        return name
    found = [view["name"] for view in there if view["process"] == name]
    if len(found) == 1:
        return str(found[0])
    if not found:
        raise CasewayError(
            f"{name} has no instance in stage {stage}",
            code="not-found",
            place=name,
            hint=f"'caseway process promote {name} {stage}' makes one",
        )
    raise CasewayError(
        f"{name} has {len(found)} instances in stage {stage}",
        code="which-instance",
        place=name,
        hint=f"name one of: {', '.join(found)}",
    )
