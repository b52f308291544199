"""Plans, asks, applies and reports: `caseway apply` from beginning to end."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from caseway.cli.output import clean, paint, print_json, say
from caseway.cli.pipeline import open_plan
from caseway.cli.plan_output import rendered
from caseway.cli.session import Session
from caseway.delivery.pipeline import (
    PlanRequest,
    apply_plan,
    plan_project,
    read_desired,
    report_json,
    require_unblocked,
)
from caseway.model.errors import CasewayError
from caseway.model.plan import Action, Plan

if TYPE_CHECKING:
    from caseway.operations.client import Client
    from caseway.platform.apply import ApplyReport


@dataclass(frozen=True, slots=True)
class Done:
    """What became of one plan; no report when there was nothing to do."""

    plan: Plan
    report: ApplyReport | None

    @property
    def is_ok(self) -> bool:
        """Whether everything was carried out."""
        return self.report is None or self.report.is_ok


def apply_all(session: Session, request: PlanRequest, *, is_sure: bool) -> int:
    """Apply each project of the path in turn; the exit code."""
    done: list[Done] = []
    for asked in read_desired(request):
        with session.client(asked.folder, asked.desired.organization, create=True) as client:
            plan = plan_project(client, asked.desired, request)
            _show(session, plan)
            done.append(_apply(session, client, plan, is_sure=is_sure))
        if not done[-1].is_ok:
            break
    return _report(session, done)


def apply_saved(session: Session, file: Path, *, is_sure: bool) -> int:
    """Apply the plan saved in `file`; the exit code. A stale one is refused by the platform. It was read when
    it was saved: it is shown again only to somebody who is asked."""
    plan = open_plan(file)
    if not is_sure:
        _show(session, plan)
    with session.client(None, plan.organization, create=True) as client:
        return _report(session, [_apply(session, client, plan, is_sure=is_sure)])


def attach_to(session: Session, apply_id: str) -> int:
    """Look on at an apply of the server's until it has ended; the exit code."""
    if not session.is_remote:
        raise CasewayError(
            "only a server goes on by itself", code="no-server", hint="set CASEWAY_SERVER, or run apply again"
        )
    from caseway.cli.progress import Progressing
    from caseway.operations.remote_apply import apply_there
    from caseway.reconcile.serialize import of_whole

    with session.client() as client:
        record = client.call("applies.get", id=apply_id)
        plan = of_whole(client.call("plans.get", id=record["planId"])["plan"])
        with Progressing(len(plan.actions), is_shown=session.is_text) as progress:
            report = apply_there(client, plan, progress, apply_id)
    return _report(session, [Done(plan, report)])


def _show(session: Session, plan: Plan) -> None:
    if session.is_text:
        click.echo(rendered([plan], "text"))


def _apply(session: Session, client: Client, plan: Plan, *, is_sure: bool) -> Done:
    require_unblocked(plan)
    if plan.is_empty:
        return Done(plan, None)
    if not is_sure:
        _ask(session, plan)
    from caseway.cli.progress import Progressing

    with Progressing(len(plan.actions), is_shown=session.is_text) as progress:
        return Done(plan, apply_plan(client, plan, progress))


def _ask(session: Session, plan: Plan) -> None:
    if session.is_json or not sys.stdin.isatty():
        raise CasewayError(
            f"{len(plan.actions)} actions wait for a yes, and there is nobody to ask",
            code="confirm",
            hint="add --yes, or save the plan with 'caseway plan --out FILE' and apply that",
        )
    click.confirm(f"\nApply {len(plan.actions)} actions?", abort=True, err=True)


def _report(session: Session, done: list[Done]) -> int:
    if session.is_json:
        values = [report_json(item.plan, item.report) for item in done]
        print_json(values[0] if len(values) == 1 else {"projects": values})
    else:
        for item in done:
            if item.report is not None:
                _say_report(item.plan, item.report)
    return 0 if all(item.is_ok for item in done) else 1


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
    from caseway.platform.addresses import http_lines

    for result in report.results:
        for line in http_lines(result.details.get("triggers")):
            say(f"  {clean(line)}", err=True)
    if deployed:
        say(f"Start one with: caseway trigger {clean(deployed[0])}", err=True)


def _is_first_deploy(action: Action) -> bool:
    return action.kind == "deployment" and action.verb == "deploy"
