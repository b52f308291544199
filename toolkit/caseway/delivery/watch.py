"""From a saved file to a live stage: only what changed is looked at, and where it does not hold, the version
before goes on serving.

The one rule: a work tree makes no versions; what it brings live are snapshots that are never published."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from caseway.delivery.pipeline import apply_plan, require_unblocked
from caseway.delivery.reading import read_project
from caseway.model.desired import Desired
from caseway.model.diagnostic import Diagnostic, Severity
from caseway.model.errors import CasewayError
from caseway.operations.client import Client, PlanOptions
from caseway.reconcile.preview import touched
from caseway.reconcile.uncommitted import only, switched_off, tried_in
from caseway.repo.incremental import Incremental

if TYPE_CHECKING:
    from caseway.model.plan import Plan
    from caseway.platform.apply import ApplyReport
    from caseway.repo.load import LoadedProject
    from caseway.repo.read import Reading

TRIES, PAUSE = 20, 0.05  # while somebody else applies
COLLECT_EVERY = 20  # snapshots made before those that serve no more are forgotten


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a save. `status` is live, unchanged, invalid, held or failed; `seconds` is from hearing
    of it to being live. `names` are the instances that were deployed."""

    status: str
    names: tuple[str, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    message: str = ""
    hint: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class WatchRequest:
    """What to watch and where it goes live. `takes_over`: instances of other stages may be switched off."""

    root: Path
    stage: str = ""
    organization: str = ""
    takes_over: bool = False


class Watch:
    """One project in memory and the stage it is tried in."""

    def __init__(
        self, client: Client, request: WatchRequest, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = client
        self._request = request
        self._now = now
        self._kept: Incremental | None = None
        self._last: Desired | None = None  # what was asked for when everything was read last, brought live
        self._made = 0

    def begin(self) -> Outcome | None:
        """Bring everything live as it is now."""
        return self._timed(self._read_all)

    def changed(self, paths: Collection[Path]) -> Outcome | None:
        """Bring live what the changed files mean; None when they mean nothing to the project."""
        return self._timed(lambda: self._changed(paths))

    def end(self) -> None:
        """Forget the snapshots that serve no more."""
        if self._made:
            self._client.call("snapshots.collect")

    def _timed(self, act: Callable[[], Outcome | None]) -> Outcome | None:
        began = self._now()
        try:
            found = act()
        except CasewayError as error:
            found = Outcome("failed", message=error.message, hint=error.hint)
        if found is None:
            return None
        self._collect(found)
        return replace(found, seconds=self._now() - began)

    def _collect(self, done: Outcome) -> None:
        self._made += len(done.names)
        if self._made >= COLLECT_EVERY:
            self._made = 0
            self._client.call("snapshots.collect")

    def _changed(self, paths: Collection[Path]) -> Outcome | None:
        if self._kept is None or self._last is None:
            return self._read_all()
        names = frozenset(
            path.relative_to(self._request.root).as_posix()
            for path in paths
            if path.is_relative_to(self._request.root)
        )
        mine = names & self._kept.project.known
        comes_or_goes = bool(self._kept.listed(names - mine))
        if not mine and not comes_or_goes:
            return None
        patch = None if comes_or_goes else self._kept.patch(mine)
        if patch is None:
            return self._read_all()
        if not patch.paths:
            return None
        bad = tuple(item for item in patch.diagnostics if item.severity is Severity.ERROR)
        if bad:
            return Outcome("invalid", diagnostics=patch.diagnostics)
        return self._bring(patch.desired, patch.diagnostics, everything=False)

    def _read_all(self) -> Outcome:
        reading = read_project(self._request.root)
        project = _the_project(reading)
        self._kept = None  # what belongs together cannot be told for certain of a project that is broken
        if project is None or any(item.severity is Severity.ERROR for item in reading.diagnostics):
            return Outcome("invalid", diagnostics=reading.diagnostics)
        self._kept = Incremental(project, reading.source)
        _set_apart()
        desired = reading.desired[0]
        before, self._last = self._last, desired
        if before is None or _rest(before) != _rest(desired):
            return self._bring(desired, reading.diagnostics, everything=True)
        names = touched(before, desired)
        return self._bring(only(desired, names), reading.diagnostics, everything=False)

    def _bring(self, desired: Desired, diagnostics: tuple[Diagnostic, ...], *, everything: bool) -> Outcome:
        tried = tried_in(desired, self._request.stage)
        if self._request.organization:
            tried = replace(tried, organization=self._request.organization)
        names = () if everything else tuple(item.name for item in tried.use_cases)
        if not everything and not names:
            return Outcome("unchanged", diagnostics=diagnostics)
        stage = tried.instances[0].stage if tried.instances else self._request.stage
        return self._carried_out(tried, PlanOptions(stage, use_cases=names), diagnostics)

    def _carried_out(
        self, desired: Desired, options: PlanOptions, diagnostics: tuple[Diagnostic, ...]
    ) -> Outcome:
        for attempt in range(TRIES):
            plan = self._client.plan(desired, options)
            require_unblocked(plan)
            off = switched_off(plan)
            if off and not self._request.takes_over:
                hint = "add --take-over to switch them off, or set exclusive: false in the use case"
                message = f"it would switch off {', '.join(off)}"
                return Outcome("held", diagnostics=diagnostics, message=message, hint=hint)
            try:
                report = apply_plan(self._client, plan)
            except CasewayError as error:
                if error.code not in {"plan-stale", "lease-held"} or attempt + 1 == TRIES:
                    raise
                time.sleep(PAUSE)
                continue
            return _outcome(plan, report, diagnostics)
        raise AssertionError("the last try returns or raises")


def _outcome(plan: Plan, report: ApplyReport | None, diagnostics: tuple[Diagnostic, ...]) -> Outcome:
    if report is None:
        return Outcome("unchanged", diagnostics=diagnostics)
    bad = [item for item in report.results if item.status in {"failed", "waiting"}]
    if bad:
        message = "; ".join(f"{item.id}: {item.message}" for item in bad)
        return Outcome("failed", diagnostics=diagnostics, message=message, hint=bad[0].hint)
    done = {item.id for item in report.results if item.status == "done"}
    names = tuple(item.name for item in plan.actions if item.id in done and item.kind == "deployment")
    return Outcome("live" if names else "unchanged", names, diagnostics)


def _set_apart() -> None:
    """What was read stays for long: the collector need not look through all of it with every save."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def _the_project(reading: Reading) -> LoadedProject | None:
    """The one project there is; None when it cannot be told what it is. Raises `several-projects`."""
    if len(reading.projects) > 1:
        raise CasewayError(
            f"there are {len(reading.projects)} projects here, one is watched at a time",
            code="several-projects",
            hint="choose one with -C PATH",
        )
    return reading.projects[0] if reading.projects else None


def _rest(desired: Desired) -> tuple[object, ...]:
    """What all use cases share: when it changes, everything is planned."""
    return desired.stages, desired.runtimes, desired.connections, desired.owner, desired.organization
