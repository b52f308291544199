"""Plans and applies of a project on a server: upload what it lacks, let it plan, look on while it applies."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from caseway.model.desired import Desired
from caseway.model.errors import CasewayError
from caseway.model.plan import Action, Plan, by_id
from caseway.operations.client import Client, Listener, PlanOptions
from caseway.operations.uploading import taken_apart
from caseway.platform.apply import ActionResult, ApplyReport, Progress
from caseway.reconcile.serialize import of_whole

AT_ONCE = 1000


def plan_there(client: Client, desired: Desired, options: PlanOptions) -> Plan:
    """The server's plan, under the name by which it keeps it."""
    manifest, bodies = taken_apart(desired)
    names = list(bodies)
    for at in range(0, len(names), AT_ONCE):
        asked = names[at : at + AT_ONCE]
        for digest in client.call("blobs.missing", digests=asked)["missing"]:
            client.call("blobs.put", digest=digest, content=bodies[digest])
    made = client.call(
        "plans.create",
        project=desired.project,
        desired=manifest,
        stage=options.stage,
        prune=options.prune,
        allow_mass_delete=options.allow_mass_delete,
        use_cases=list(options.use_cases),
    )
    return of_whole(made["plan"])


def apply_there(client: Client, plan: Plan, on_progress: Listener, apply_id: str = "") -> ApplyReport:
    """Have the server carry out the plan, and look on until it has ended. `apply_id` names an apply to look
    at again, which goes on when its server was interrupted."""
    if not plan.id:
        raise CasewayError(
            "this plan was not made by the server",
            code="plan-elsewhere",
            place=plan.project,
            hint="plan again with CASEWAY_SERVER set",
        )
    apply_id = apply_id or uuid.uuid4().hex
    client.call("applies.create", plan=plan.id, id=apply_id)
    actions = by_id(plan)
    try:
        for event in client.stream("applies.follow", id=apply_id):
            action = actions.get(str(event.get("action")))
            if action is not None:
                on_progress(_progress(event, action))
    except KeyboardInterrupt as error:
        raise CasewayError(
            f"the apply {apply_id} goes on without you",
            code="interrupted",
            hint=f"look at it again with: caseway apply --attach {apply_id}",
        ) from error
    record = client.call("applies.get", id=apply_id)
    if record["error"]:
        raise _error(record["error"])
    return _report(record["report"])


def _progress(event: Mapping[str, Any], action: Action) -> Progress:
    return Progress(event["what"], action, event["index"], event["total"], event["seconds"], event["message"])


def _report(told: Mapping[str, Any]) -> ApplyReport:
    results = tuple(
        ActionResult(
            item["id"],
            item["status"],
            item["seconds"],
            item["errorCode"],
            item["message"],
            item["hint"],
            item["details"],
        )
        for item in told["results"]
    )
    return ApplyReport(results, told["revision"])


def _error(told: Mapping[str, Any]) -> CasewayError:
    return CasewayError(
        told["detail"], code=told["code"], place=told.get("place") or "", hint=told.get("hint") or ""
    )
