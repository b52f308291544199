"""Runs the health check of a version that is not live yet: no execution, no journal, only its outcome.

Rule: it runs as an execution would, with the credentials of its instance and the operator's policy."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import caseway_runner as runner
from caseway.platform.health_gate import HealthCheck
from caseway.platform.sources import is_named
from caseway.worker.masking import Masked


def check(asked: HealthCheck, *, policy: runner.Policy | None = None) -> str:
    """What is wrong, "" when the workflow completed in time."""
    document = next((item.document for item in asked.rendered if item.workflow == asked.workflow), None)
    if document is None:
        return "the use case has no workflow of that id"
    try:
        program = runner.compile_workflow(document)
    except ValueError as error:
        return f"it does not compile: {str(error)[:500]}"
    outcome = asyncio.run(_within(program, asked, policy or runner.Policy()))
    if outcome is None:
        return f"it took longer than {asked.seconds:g} seconds"
    if outcome.status is runner.Status.COMPLETED:
        return ""
    if outcome.error is None:
        return f"it ended {outcome.status.value}"
    return f"{outcome.error.status} {outcome.error.title or outcome.error.type} at {outcome.error.instance}"


async def _within(
    program: runner.Program, asked: HealthCheck, policy: runner.Policy
) -> runner.Outcome | None:
    masked = Masked(asked.secrets, {})
    ports = runner.Ports(
        secrets=masked,
        workflows=lambda namespace, name, version: _sibling(asked, namespace, name, version),
        policy=replace(policy, limits=replace(policy.limits, awake_seconds=asked.seconds)),
    )
    execution = runner.Execution(id=f"health-{asked.instance_id}")
    work = asyncio.create_task(runner.execute(program, asked.input, execution, ports))
    done, _ = await asyncio.wait({work}, timeout=asked.seconds)
    if done:
        return masked.outcome(work.result())
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    return None


def _sibling(asked: HealthCheck, namespace: str, name: str, version: str) -> Mapping[str, Any]:
    for item in asked.rendered:
        if is_named(item.document, namespace, name, version):
            return item.document
    raise KeyError(f"{namespace}/{name}:{version}")
