"""What a bare repository does with a push: judges it before it is taken, deploys it after.

Rule: only what is pushed is read, as git gives it; the work of a hook shows as `remote:` lines."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from caseway.delivery.pipeline import Asked, PlanRequest, apply_plan, plan_project, read_desired
from caseway.delivery.reading import InvalidProject
from caseway.delivery.refs import HEADS, stages_for
from caseway.model.desired import Stage
from caseway.model.errors import CasewayError
from caseway.operations.client import Client
from caseway.platform.patience import patiently
from caseway.repo import git
from caseway.repo.reports import render

if TYPE_CHECKING:
    from caseway.platform.apply import ApplyReport, Progress

_UPDATE = re.compile(r"([0-9a-f]{40,64}) ([0-9a-f]{40,64}) (refs/[^\x00-\x20\x7f]+)")
_NONE = re.compile(r"0+")

Say = Callable[[str], None]
Connect = Callable[[Path, str], AbstractContextManager[Client]]


@dataclass(frozen=True, slots=True)
class Update:
    """One ref of a push: from which commit to which. An id of zeros is none."""

    old: str
    new: str
    ref: str

    @property
    def is_removal(self) -> bool:
        """Whether the ref goes away."""
        return bool(_NONE.fullmatch(self.new))


@dataclass(frozen=True, slots=True)
class Hook:
    """The repository pushed to, how its platform is reached, and where what happens is told."""

    repository: Path
    connect: Connect
    say: Say
    prunes: bool = False


def read_updates(lines: Iterable[str]) -> list[Update]:
    """The refs that git names on the standard input of a hook."""
    found = []
    for line in lines:
        match = _UPDATE.fullmatch(line.rstrip("\n"))
        if match is None and line.strip():
            raise CasewayError(
                "this is not what git tells a hook", code="hook-input", hint="it is called by git, on a push"
            )
        if match is not None:
            found.append(Update(*match.groups()))
    return found


def judge(hook: Hook, updates: Iterable[Update]) -> bool:
    """Whether the push may be taken: what goes to a protected stage must be valid, and its plan must hold.
    Other faults let it pass, and are told of by what deploys it."""
    faults = [(update, fault) for update in updates if (fault := _fault(hook, update)) is not None]
    guarded = {update: _protected(hook, update) for update, _ in faults}
    if not any(guarded.values()):
        return True
    for update, fault in faults:
        _tell(hook.say, fault)
        if guarded[update]:
            hook.say(f"refused: {update.ref} deploys to {', '.join(guarded[update])}, which is protected")
    return False


def _fault(hook: Hook, update: Update) -> CasewayError | None:
    """Why what is pushed cannot be deployed; None when it can, or deploys nowhere."""
    if update.is_removal:
        return None
    try:
        for asked, stage in _targets(hook, update):
            with hook.connect(asked.folder, asked.desired.organization) as client:
                plan = plan_project(client, asked.desired, PlanRequest(stage=stage, prune=hook.prunes))
            if plan.blocked:
                return CasewayError("\n".join(plan.blocked), code="plan-blocked", place=stage)
    except CasewayError as error:
        return error
    return None


def deploy(hook: Hook, updates: Iterable[Update]) -> bool:
    """Bring every stage that the push deploys to where it says; False when something did not go well."""
    is_fine = True
    for update in updates:
        if update.is_removal:
            hook.say(f"{update.ref} is gone; what it deployed stays")
            continue
        try:
            targets = list(_targets(hook, update))
            if not targets:
                hook.say(f"{update.ref} deploys to no stage")
            for asked, stage in targets:
                is_fine = _deployed(hook, asked, stage) and is_fine
        except CasewayError as error:
            _tell(hook.say, error)
            is_fine = False
    return is_fine


def _deployed(hook: Hook, asked: Asked, stage: str) -> bool:
    desired = asked.desired
    hook.say(f"{desired.project} {desired.source.commit[:10]} to {stage}")
    with hook.connect(asked.folder, desired.organization) as client:
        request = PlanRequest(stage=stage, prune=hook.prunes)

        def once() -> ApplyReport | None:
            return apply_plan(
                client, plan_project(client, desired, request), lambda step: _show(hook.say, step)
            )

        report = patiently(once, time.sleep)
    if report is None:
        hook.say("nothing to do: it is as the commit says")
        return True
    failed = len(report.failed) + len(report.skipped)
    hook.say("live" if not failed else f"{failed} of {len(report.results)} actions failed")
    return report.is_ok


def _targets(hook: Hook, update: Update) -> Iterator[tuple[Asked, str]]:
    """Each project of the pushed commit with each stage that the ref deploys to."""
    default = default_branch(hook.repository)
    for asked in read_desired(PlanRequest(hook.repository, update.new)):
        for stage in stages_for(asked.desired.stages, update.ref, default):
            yield asked, stage


def _protected(hook: Hook, update: Update) -> list[str]:
    """The protected stages that the ref deploys to, by the commit before (which the push cannot have
    changed), else by the pushed one."""
    default = default_branch(hook.repository)
    commits = [update.old] if not _NONE.fullmatch(update.old) else []
    head = git.run(hook.repository, "rev-parse", "--verify", "--quiet", f"{HEADS}{default}^{{commit}}")
    commits += [head.stdout.decode().strip()] if head.returncode == 0 else []
    found: dict[str, None] = {}
    for commit in [*commits, update.new]:
        stages = _stages(hook.repository, commit)
        named = stages_for(stages, update.ref, default)
        found |= dict.fromkeys(stage.name for stage in stages if stage.protected and stage.name in named)
    return list(found)


def _stages(repository: Path, commit: str) -> tuple[Stage, ...]:
    """The stages of the projects in a commit, as far as they can be read."""
    from caseway.repo.compile import desired  # noqa: PLC0415 - only a push that does not hold needs it
    from caseway.repo.read import read  # noqa: PLC0415 - as above

    reading = read(repository, ref=commit)
    heads = (
        replace(each, documents=tuple(item for item in each.documents if item.kind == "Project"))
        for each in reading.projects
    )
    return tuple(stage for each in heads for stage in desired(each, reading.source).stages)


def default_branch(repository: Path) -> str:
    """The branch that HEAD stands for."""
    answer = git.run(repository, "symbolic-ref", "--quiet", "HEAD")
    return answer.stdout.decode("utf-8", "replace").strip().removeprefix(HEADS)


def _tell(say: Say, error: CasewayError) -> None:
    """The error; of a project that does not hold, each mistake with its place."""
    if isinstance(error, InvalidProject):
        errors = [item for item in error.diagnostics if item.severity == "error"]
        for line in render(errors, "text").rstrip("\n").split("\n"):
            say(line)
    for line in f"error: {error.message}".split("\n"):
        say(line)
    if error.hint:
        say(f"  hint: {error.hint}")


def _show(say: Say, step: Progress) -> None:
    if step.event == "started":
        return
    mark = {"finished": "ok", "failed": "FAILED"}.get(step.event, step.event)
    what = f"{step.action.verb} {step.action.kind} {step.action.name}"
    say(f"[{step.index}/{step.total}] {what} {mark}{': ' if step.message else ''}{step.message}")
