"""Carries out a plan: under the lease, action by action, each in its own transactions.

Cut anywhere, a new plan applied again converges: every action is idempotent and fenced.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from caseway.model.canonical import JsonObject
from caseway.model.errors import CasewayError
from caseway.model.plan import Action, Kind, Plan, Verb
from caseway.platform import lease
from caseway.platform.actions import HANDLERS, Step
from caseway.platform.attempts import MISSING
from caseway.platform.audit import By, note
from caseway.platform.building import BuildRequest
from caseway.platform.bundle import Platform
from caseway.platform.deploy import Order, deploy
from caseway.platform.exclusive import relight
from caseway.platform.runtimes import build
from caseway.platform.snapshot import current_revision
from caseway.platform.steering import tell_targets
from caseway.platform.undeploy import recover, undeploy
from caseway.reconcile.rollout import is_stopped

DEPLOYING = frozenset({Verb.DEPLOY, Verb.UPDATE, Verb.REPAIR, Verb.CREATE})
ENDING = frozenset({"lease-lost"})  # errors after which no further action may be tried


@dataclass(frozen=True, slots=True)
class Progress:
    """What happens now: `event` is started, finished, waiting, failed or skipped; `index` counts from 1."""

    event: str
    action: Action
    index: int
    total: int
    seconds: float = 0.0
    message: str = ""


@dataclass(frozen=True, slots=True)
class ActionResult:
    """What became of one action: `status` is done, unchanged, waiting, failed or skipped. What lacks
    a credential waits: it was planned so, and goes live by itself when that comes."""

    id: str
    status: str
    seconds: float = 0.0
    error_code: str = ""
    message: str = ""
    hint: str = ""
    details: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ApplyReport:
    """All results in the plan's order, and the revision of the store afterwards."""

    results: tuple[ActionResult, ...]
    revision: int

    @property
    def failed(self) -> tuple[ActionResult, ...]:
        """What failed."""
        return tuple(item for item in self.results if item.status == "failed")

    @property
    def skipped(self) -> tuple[ActionResult, ...]:
        """What was not tried, because something it depends on failed."""
        return tuple(item for item in self.results if item.status == "skipped")

    @property
    def is_ok(self) -> bool:
        """True when every action was carried out."""
        return not self.failed and not self.skipped

    def as_json(self) -> JsonObject:
        """The report as a JSON object."""
        return {
            "revision": self.revision,
            "ok": self.is_ok,
            "actions": [asdict(item) for item in self.results],
        }


Listener = Callable[[Progress], None]


def apply(platform: Platform, plan: Plan, *, actor: str, on_progress: Listener | None = None) -> ApplyReport:
    """Carry out `plan`. A failed action fails what depends on it and nothing else.

    Raises `CasewayError`: `plan-blocked`, `lease-held`, `plan-stale` before anything is done, `lease-lost`
    when another process took over."""
    if plan.blocked:
        raise CasewayError(
            f"the plan is blocked: {plan.blocked[0]}",
            code="plan-blocked",
            hint="; ".join(plan.blocked[1:4]),
        )
    tell = on_progress or (lambda _event: None)
    with lease.hold(platform) as held:
        _refuse_stale(platform, plan)
        recover(platform, held)
        results: dict[str, ActionResult] = {}
        for index, action in enumerate(plan.actions, 1):
            platform.on_boundary(f"action:{action.id}")
            results[action.id] = _one(platform, plan, held, action, (actor, index, tell, results))
        _relight(platform, plan, held, (actor, results))
    return ApplyReport(tuple(results.values()), current_revision(platform.database))


def _relight(
    platform: Platform, plan: Plan, held: lease.Lease, done: tuple[str, Mapping[str, ActionResult]]
) -> None:
    """Nobody stays switched off for a stage that did not come to run in this plan."""
    actor, results = done
    failed = [
        action for action in plan.actions if results[action.id].status in {"failed", "skipped", "waiting"}
    ]
    dark = {
        str(action.payload["process"])
        for action in failed
        if action.kind in {Kind.INSTANCE, Kind.DEPLOYMENT} and "process" in action.payload
    }
    by = By(plan.organization, actor, platform.clock(), plan.source.commit)
    for process in sorted(dark):
        with platform.database.transaction() as connection:
            lease.confirm(connection, held, by.at)
            woken = relight(connection, process, by)
        for name in woken:
            tell_targets(platform, by.organization, name)


def _refuse_stale(platform: Platform, plan: Plan) -> None:
    revision = current_revision(platform.database)
    if revision != plan.revision:
        raise CasewayError(
            f"the plan was made at revision {plan.revision}, the platform is at {revision} now",
            code="plan-stale",
            hint="plan again",
        )


def _one(
    platform: Platform,
    plan: Plan,
    held: lease.Lease,
    action: Action,
    how: tuple[str, int, Listener, Mapping[str, ActionResult]],
) -> ActionResult:
    """Carry out one action and tell of it."""
    actor, index, tell, earlier = how
    total = len(plan.actions)
    cause = next((name for name in action.depends_on if _is_bad(earlier.get(name))), None)
    if cause is not None:
        message = f"{cause} failed"
        tell(Progress("skipped", action, index, total, message=message))
        return ActionResult(action.id, "skipped", message=message)
    if _is_held_back(plan, action, earlier):
        message = "the rollout stopped: too many updates before it failed"
        tell(Progress("skipped", action, index, total, message=message))
        return ActionResult(action.id, "skipped", message=message)
    tell(Progress("started", action, index, total))
    began = platform.clock()
    by = By(plan.organization, actor, began, plan.source.commit)
    try:
        status, details = _carry_out(platform, plan, held, action, by)
    except CasewayError as error:
        if error.code in ENDING:
            raise
        seconds = _since(platform, began)
        status = "waiting" if error.code == MISSING else "failed"
        tell(Progress(status, action, index, total, seconds, error.message))
        return ActionResult(action.id, status, seconds, error.code, error.message, error.hint)
    seconds = _since(platform, began)
    tell(Progress("finished", action, index, total, seconds))
    return ActionResult(action.id, status, seconds, details=details)


def _is_held_back(plan: Plan, action: Action, earlier: Mapping[str, ActionResult]) -> bool:
    """Whether earlier batches of the same rollout have failed too often."""
    mine = _rollout_of(action)
    if not mine:
        return False
    failures = [
        int(_rollout_of(each)["batch"])
        for each in plan.actions
        if each.payload.get("process") == action.payload["process"]
        and _rollout_of(each)
        and each.id in earlier
        and earlier[each.id].status == "failed"
    ]
    return is_stopped(mine, failures)


def _rollout_of(action: Action) -> Mapping[str, Any]:
    told: Any = action.payload.get("rollout")
    return told if isinstance(told, Mapping) else {}


def _carry_out(
    platform: Platform, plan: Plan, held: lease.Lease, action: Action, by: By
) -> tuple[str, JsonObject]:
    if action.kind is Kind.DEPLOYMENT:
        return _deployment(platform, held, action, by)
    if (action.kind, action.verb) == (Kind.RUNTIME, Verb.BUILD):
        return _build(platform, action, by)
    if (action.kind, action.verb) == (Kind.INSTANCE, Verb.DELETE):
        undeploy(platform, action.name, by, held)
    handler = HANDLERS.get((action.kind, action.verb))
    if handler is None:
        raise CasewayError(
            f"nothing here can {action.verb} a {action.kind}", code="unknown-action", place=action.id
        )
    try:
        with platform.database.transaction() as connection:
            lease.confirm(connection, held, by.at)
            is_changed = handler(Step(connection, action, by, plan.project, platform.ids))
            if is_changed:
                note(connection, by, (action.verb, action.kind, action.name), **_seen(action))
            platform.on_boundary(f"inside:{action.id}")
    except sa.exc.IntegrityError as error:
        raise CasewayError(
            f"the store refuses it: {str(error.orig)[:300]}", code="conflict", place=action.name
        ) from error
    if is_changed and action.kind is Kind.INSTANCE and action.verb is not Verb.CREATE:
        tell_targets(platform, by.organization, action.name)
    return ("done" if is_changed else "unchanged"), {}


def _build(platform: Platform, action: Action, by: By) -> tuple[str, JsonObject]:
    """Have the image built: minutes, perhaps, outside any transaction; whoever deploys is fenced again."""
    body: Any = action.payload["body"]
    request = BuildRequest(by.organization, action.name, body)
    built = build(platform, request, str(action.payload["digest"]), actor=by.actor, log=platform.on_line)
    return "done", {"version": built.version, "image": built.image, "imageId": built.image_id}


def _deployment(platform: Platform, held: lease.Lease, action: Action, by: By) -> tuple[str, JsonObject]:
    if action.verb in DEPLOYING:
        order = Order(
            instance=action.name,
            digest=str(action.payload["digest"]),
            inputs_digest=str(action.payload.get("inputs") or ""),
            reason=action.verb.value,
            by=by,
            held=held,
        )
        return "done", deploy(platform, order)
    is_changed = undeploy(platform, action.name, by, held)
    return ("done" if is_changed else "unchanged"), {}


def _seen(action: Action) -> dict[str, Any]:
    """What the audit keeps of an action: what the plan showed, so no secret."""
    if not action.changes:
        kept = ("version", "digest", "process", "stage", "owner", "by")
        return {"after": {key: action.payload[key] for key in kept if key in action.payload}}
    return {
        "before": {change.path: change.before for change in action.changes},
        "after": {change.path: change.after for change in action.changes},
    }


def _is_bad(result: ActionResult | None) -> bool:
    return result is not None and result.status in {"failed", "skipped"}


def _since(platform: Platform, began: datetime) -> float:
    return (platform.clock() - began).total_seconds()
