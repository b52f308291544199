"""Carries out a kept plan on the server, telling what happens; goes on with what another process left.

Rule: what is gone on with is planned anew, and nothing is done that the agreed plan did not name."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import replace
from typing import Any

from caseway.model.canonical import JsonObject
from caseway.model.errors import CasewayError
from caseway.model.plan import Plan
from caseway.operations.client import PlanOptions
from caseway.operations.desired_state import of_json
from caseway.operations.planning import planned
from caseway.operations.shape import facts_of
from caseway.operations.uploading import digests_in, put_together
from caseway.platform import applies, blobs, kept_plans, lease
from caseway.platform.apply import ActionResult, ApplyReport, Progress, apply
from caseway.platform.bundle import Platform
from caseway.platform.kept_plans import KeptPlan

LOG = logging.getLogger("caseway.apply")
PATIENCE = 30.0  # seconds to wait while somebody else changes the platform
AFTER_A_CUT = lease.SECONDS + 30.0  # the lease of a server that died on another machine must end first
AGAIN = 0.5
TELL_EVERY = 0.2
BEAT_EVERY = 10.0


def start(platform: Platform, organization: str, apply_id: str) -> None:
    """See to it that somebody carries it out: this process, unless another does or it has ended."""
    if not applies.claim(platform, organization, apply_id):
        return
    work = threading.Thread(
        target=_carry_out, args=(platform, organization, apply_id), name=f"apply-{apply_id}"
    )
    work.start()  # no daemon: a server that stops lets it end, one that is killed leaves it to the next


def go_on(platform: Platform) -> list[str]:
    """Take over the applies that other processes left; their ids."""
    found = applies.lost(platform)
    for organization, apply_id in found:
        start(platform, organization, apply_id)
    return [apply_id for _, apply_id in found]


def _carry_out(platform: Platform, organization: str, apply_id: str) -> None:
    try:
        report = _report(platform, organization, apply_id)
    except CasewayError as error:
        told = {"code": error.code, "detail": error.message, "place": error.place, "hint": error.hint}
        applies.finish(platform, organization, apply_id, error=told)
    except Exception as error:
        LOG.error("an apply ended with a bug", exc_info=error)
        bug = {
            "code": "bug",
            "detail": "this is a bug in Caseway",
            "hint": f"report it with apply {apply_id}",
        }
        applies.finish(platform, organization, apply_id, error=bug)
    else:
        applies.finish(platform, organization, apply_id, report=report)


def _report(platform: Platform, organization: str, apply_id: str) -> JsonObject:
    record = applies.get(platform, organization, apply_id)
    kept = kept_plans.the_plan(platform, organization, record.plan_id)
    is_begun = bool(applies.events_after(platform, organization, apply_id, 0, limit=1))
    plan = _what_is_left(platform, kept) if is_begun else kept.plan
    with _Telling(platform, organization, apply_id) as telling:
        patience = AFTER_A_CUT if is_begun else PATIENCE
        done = _patiently(platform, plan, record.actor, (telling, patience))
    return facts_of(_whole(kept.plan, done) if is_begun else done)


def _what_is_left(platform: Platform, kept: KeptPlan) -> Plan:
    """What is still to be done of a plan; raises `plan-stale` when it would take more than was agreed to."""
    plan = plan_of(platform, kept.plan.organization, kept.asked)
    agreed = {(action.kind, action.name) for action in kept.plan.actions}
    foreign = [action.id for action in plan.actions if (action.kind, action.name) not in agreed]
    if foreign or plan.blocked:
        raise CasewayError(
            "the apply was cut off, and things have changed since",
            code="plan-stale",
            place=kept.plan.project,
            hint=f"plan again; it would also do {', '.join(foreign[:3]) or plan.blocked[0]}",
        )
    return plan


def plan_of(platform: Platform, organization: str, asked: JsonObject) -> Plan:
    """The plan for what was asked: a manifest, whose bodies were uploaded, and how to plan."""
    given: Any = asked
    bodies = blobs.contents(platform, organization, digests_in(given["desired"]))
    desired = of_json(put_together(given["desired"], bodies))
    options = PlanOptions(given["stage"], given["prune"], given["allowMassDelete"], tuple(given["useCases"]))
    return planned(platform, replace(desired, organization=organization), options)


def _patiently(platform: Platform, plan: Plan, actor: str, how: tuple[_Telling, float]) -> ApplyReport:
    """Apply, waiting a while for whoever changes the platform now."""
    telling, patience = how
    until, is_told = time.monotonic() + patience, False
    while True:
        try:
            return apply(platform, replace(plan, id=""), actor=actor, on_progress=telling)
        except CasewayError as error:
            if error.code != "lease-held" or time.monotonic() >= until:
                raise
            if not is_told:
                telling.say({"event": "held", "message": error.message, "hint": error.hint})
                is_told = True
            time.sleep(AGAIN)


def _whole(agreed: Plan, done: ApplyReport) -> ApplyReport:
    """The report of the whole plan: what was not left to do had been done before the cut."""
    found = {item.id: item for item in done.results}
    names = {(action.kind, action.name) for action in agreed.actions if action.id in found}
    before = [
        ActionResult(action.id, "done", message="before the server was interrupted")
        for action in agreed.actions
        if action.id not in found and (action.kind, action.name) not in names
    ]
    return ApplyReport((*before, *done.results), done.revision)


class _Telling:
    """Writes progress in small batches, and keeps the claim while there is nothing to tell."""

    def __init__(self, platform: Platform, organization: str, apply_id: str) -> None:
        self._where = (platform, organization, apply_id)
        self._events: list[JsonObject] = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write, daemon=True, name=f"telling-{apply_id}")

    def __enter__(self) -> _Telling:
        self.say({"event": "begun"})
        self._flush()
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        self._thread.join()
        self._flush()

    def __call__(self, event: Progress) -> None:
        """Note one event of the apply."""
        self.say(
            {
                "event": event.event,
                "action": event.action.id,
                "index": event.index,
                "total": event.total,
                "seconds": round(event.seconds, 4),
                "message": event.message,
            }
        )

    def say(self, event: JsonObject) -> None:
        """Note anything."""
        with self._lock:
            self._events.append(event)

    def _write(self) -> None:
        silent = 0.0
        while not self._stop.wait(TELL_EVERY):
            silent += TELL_EVERY
            if self._events or silent >= BEAT_EVERY:
                silent = 0.0
                self._flush()

    def _flush(self) -> None:
        with self._lock:
            events, self._events = self._events, []
        applies.tell(*self._where, events)
