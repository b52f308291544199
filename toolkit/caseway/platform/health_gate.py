"""The gate before a new version goes live: one of its own workflows must complete.

Rule: the gate says yes or no and nothing else; how a workflow runs is the affair of who made the platform."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from caseway.model.canonical import Json, JsonObject
from caseway.model.errors import CasewayError
from caseway.platform.target import Rendered

SECONDS = 30.0
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}

Secrets = Callable[[str], Json]


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """Run `workflow` of the `rendered` version with `input`; `seconds` are all it may take. `secrets` gives
    the value of a credential slot as the new version would get it."""

    instance_id: str
    instance: str
    workflow: str
    input: Json
    seconds: float
    rendered: Sequence[Rendered]
    secrets: Secrets


# What is wrong with the new version, "" when nothing is.
Check = Callable[[HealthCheck], str]


def unable(asked: HealthCheck) -> str:
    """The check of a process that runs no workflows: it lets nothing pass that it was asked about."""
    return f"this process cannot run the health check {asked.workflow!r}"


def require_health(check: Check, declared: JsonObject, rendered: Sequence[Rendered], secrets: Secrets) -> str:
    """What the deployment's record says of the check. Raises `CasewayError` (`unhealthy`)."""
    if not declared:
        return ""
    first = rendered[0]
    asked = HealthCheck(
        instance_id=first.instance_id,
        instance=first.instance,
        workflow=str(declared["workflow"]),
        input=declared.get("input", {}),
        seconds=_seconds(declared),
        rendered=rendered,
        secrets=secrets,
    )
    problem = check(asked)
    if problem:
        raise CasewayError(
            f"health check {asked.workflow} of {asked.instance} failed: {problem}",
            code="unhealthy",
            place=f"{asked.instance}/{asked.workflow}",
            hint="the version before serves on; mend the workflow and push again",
        )
    return f"healthy: {asked.workflow} completed"


def _seconds(declared: Mapping[str, Any]) -> float:
    text = str(declared.get("timeout") or "")
    if not text:
        return SECONDS
    number = text.rstrip("msdh")
    return int(number) * _UNITS[text[len(number) :]]
