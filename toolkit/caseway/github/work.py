"""The work of each job: plans, applies, drift. Previews are in their own module.

Rule: what was cut short is done by doing it again; another run's turn is waited for, never broken into."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from caseway.delivery.pipeline import apply_plan
from caseway.github.report import Part, Step
from caseway.github.tell import Audience
from caseway.model.desired import Desired
from caseway.model.errors import CasewayError
from caseway.operations.client import Client, Listener, PlanOptions
from caseway.reconcile.drift import drift_of

_BUSY = frozenset({"lease-held", "plan-stale"})
_PATIENCE = 300.0  # seconds that another run's apply is waited for
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 15.0

T = TypeVar("T")
Connect = Callable[[Path, str, bool], AbstractContextManager[Client]]


@dataclass(frozen=True, slots=True)
class Project:
    """One project that was read: its folder, what it asks for, and what its pull request starts from."""

    folder: Path
    desired: Desired
    base: Desired | None = None


@dataclass(slots=True)
class Clockwork:
    """Tells the time, sleeps, and keeps how long each step took."""

    now: Callable[[], float]
    sleep: Callable[[float], None]
    steps: list[Step] = field(default_factory=list)

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """The block as one step of the run."""
        began = self.now()
        try:
            yield
        finally:
            self.steps.append(Step(name, self.now() - began))

    def patiently(self, once: Callable[[], T]) -> T:
        """The result of `once`, tried again while another run applies."""
        pause, waited = _FIRST_PAUSE, 0.0
        while True:
            try:
                return once()
            except CasewayError as error:
                if error.code not in _BUSY or waited >= _PATIENCE:
                    raise
            self.sleep(pause)
            waited += pause
            pause = min(pause * 2, _LONGEST_PAUSE)


@dataclass(frozen=True, slots=True)
class World:
    """What a run acts through."""

    connect: Connect
    audience: Audience
    clockwork: Clockwork
    on_progress: Listener


def planned(
    client: Client, project: Project, options: Sequence[PlanOptions], against: str = ""
) -> list[Part]:
    """One part for each stage, planned and no more."""
    return [
        Part(
            project.desired.project,
            stage=each.stage,
            plan=client.plan(project.desired, each),
            against=against,
        )
        for each in options
    ]


def applied(
    client: Client, project: Project, options: PlanOptions, clockwork: Clockwork, tell: Listener
) -> Part:
    """The project in one stage as the repository says. A plan that is blocked is shown, not raised over."""
    part = Part(project.desired.project, stage=options.stage)

    def once() -> Part:
        plan = client.plan(project.desired, options)
        if plan.blocked:
            return replace(part, plan=plan)
        return replace(part, plan=plan, applied=apply_plan(client, plan, tell))

    return clockwork.patiently(once)


def drifted(client: Client, project: Project) -> Part:
    """What hands have changed, as the plan that would repair it."""
    plan = client.plan(project.desired, PlanOptions())
    return Part(project.desired.project, plan=replace(plan, actions=drift_of(plan), blocked=(), notices=()))
