"""Plans, asks, applies and reports: `caseway apply` from beginning to end."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from caseway.cli.output import clean, paint, print_json, say
from caseway.cli.pipeline import (
    PlanRequest,
    make_plan,
    open_plan,
    read_desired,
    read_snapshot_of,
    require_unblocked,
)
from caseway.cli.plan_output import rendered
from caseway.cli.session import Session
from caseway.model.errors import CasewayError
from caseway.model.plan import Action, Plan

if TYPE_CHECKING:
    from caseway.platform.apply import ApplyReport
    from caseway.platform.compose import Platform


def apply_all(session: Session, request: PlanRequest, *, is_sure: bool) -> int:
    """Apply each project of the path in turn; the exit code."""
    known = read_desired(session, request)
    done: list[dict[str, Any]] = []
    for asked in known:
        with session.platform(asked.folder, create=True) as platform:
            plan = make_plan(session, request, asked.desired, read_snapshot_of(platform, asked.desired))
            _show(session, plan)
            done.append(_apply(session, platform, plan, is_sure=is_sure))
        if not done[-1]["ok"]:
            break
    return _report(session, done)


def apply_saved(session: Session, file: Path, *, is_sure: bool) -> int:
    """Apply the plan saved in `file`; the exit code. A stale one is refused by the platform. It was read when
    it was saved: it is shown again only to somebody who is asked."""
    plan = open_plan(file)
    if not is_sure:
        _show(session, plan)
    with session.platform(create=True) as platform:
        return _report(session, [_apply(session, platform, plan, is_sure=is_sure)])


def _show(session: Session, plan: Plan) -> None:
    if session.is_text:
        click.echo(rendered([plan], "text"))


def _apply(session: Session, platform: Platform, plan: Plan, *, is_sure: bool) -> dict[str, Any]:
    require_unblocked(plan)
    if plan.is_empty:
        return {"plan": plan, "ok": True, "report": None}
    if not is_sure:
        _ask(session, plan)
    from caseway.cli.progress import Progressing
    from caseway.platform.apply import apply

    with Progressing(len(plan.actions), is_shown=session.is_text) as progress:
        report = apply(platform, plan, actor=session.actor(), on_progress=progress)
    return {"plan": plan, "ok": report.is_ok, "report": report}


def _ask(session: Session, plan: Plan) -> None:
    if session.is_json or not sys.stdin.isatty():
        raise CasewayError(
            f"{len(plan.actions)} actions wait for a yes, and there is nobody to ask",
            code="confirm",
            hint="add --yes, or save the plan with 'caseway plan --out FILE' and apply that",
        )
    click.confirm(f"\nApply {len(plan.actions)} actions?", abort=True, err=True)


def _report(session: Session, done: list[dict[str, Any]]) -> int:
    is_ok = all(item["ok"] for item in done)
    if session.is_json:
        values = [_as_json(item) for item in done]
        print_json(values[0] if len(values) == 1 else {"projects": values})
    else:
        for item in done:
            if item["report"] is not None:
                _say_report(item["plan"], item["report"])
    return 0 if is_ok else 1


def _as_json(item: dict[str, Any]) -> dict[str, Any]:
    from caseway.reconcile.serialize import as_json

    report: ApplyReport | None = item["report"]
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
    plan: Plan = item["plan"]
    revision = report.revision if report else plan.revision
    return {"ok": item["ok"], "revision": revision, "results": results, "plan": as_json(plan)}


def _say_report(plan: Plan, report: ApplyReport) -> None:
    failed = [result for result in report.results if result.status == "failed"]
    skipped = sum(result.status == "skipped" for result in report.results)
    waiting = sum(result.status == "waiting" for result in report.results)
    done = len(report.results) - len(failed) - skipped - waiting
    if not failed:
        say(paint("applied", "green", bold=True) + f": {done} actions, revision {report.revision}", err=True)
        if waiting:
            say(
                paint("waiting", "yellow", bold=True)
                + f": {waiting} deployments need a credential and go live by "
                "themselves once it is there: caseway credential set NAME",
                err=True,
            )
        _say_next(plan, report)
        return
    say(
        paint("not all applied", "red", bold=True)
        + f": {done} done, {len(failed)} failed, {skipped} skipped",
        err=True,
    )
    for result in failed:
        say(f"  {clean(result.id)}: {clean(result.message)}", err=True)
        if result.hint:
            say(f"    hint: {clean(result.hint)}", err=True)
    say("What was done stays done; mend the cause and run apply again.", err=True)


def _say_next(plan: Plan, report: ApplyReport) -> None:
    done = {result.id for result in report.results if result.status == "done"}
    deployed = [action.name for action in plan.actions if action.id in done and _is_first_deploy(action)]
    if deployed:
        say(f"Start one with: caseway trigger {clean(deployed[0])}", err=True)


def _is_first_deploy(action: Action) -> bool:
    return action.kind == "deployment" and action.verb == "deploy"
