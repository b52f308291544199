"""Which versions of processes run in the stage that is meant with --stage."""

from __future__ import annotations

from collections.abc import Mapping

from caseway.cli.session import Session
from caseway.model.errors import CasewayError
from caseway.operations.client import Client, every


def running_in(client: Client, stage: str) -> Mapping[str, Mapping[str, str]]:
    """By process, the instances of a stage that have something deployed, and the version of each."""
    found: dict[str, dict[str, str]] = {}
    for view in every(client, "instances.list", stage=stage):
        if view["version"]:
            found.setdefault(view["process"], {})[view["name"]] = view["version"]
    return found


def version_named(session: Session, client: Client, process: str, version: str) -> str:
    """`version` itself; without one, the one version of the process that runs in the stage."""
    if version:
        return version
    stage = session.settings.stage
    if not stage:
        raise CasewayError(
            f"which version of {process}?",
            code="which-version",
            place=process,
            hint="name it, or with --stage the stage that runs it",
        )
    running = running_in(client, stage).get(process, {})
    versions = sorted(set(running.values()))
    if len(versions) == 1:
        return versions[0]
    if not versions:
        raise CasewayError(
            f"nothing of {process} runs in stage {stage}",
            code="not-found",
            place=process,
            hint="name a version; `caseway process get` lists them",
        )
    raise CasewayError(
        f"stage {stage} runs {len(versions)} versions of {process}",
        code="which-version",
        place=process,
        hint=f"name one of: {', '.join(versions)}",
    )
