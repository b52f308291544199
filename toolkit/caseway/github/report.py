"""What one run found and did, as plain values: every page, comment, check and output is made from this."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from caseway.github.event import Event
from caseway.github.job import Do, Job
from caseway.model.diagnostic import Diagnostic, Severity
from caseway.model.plan import Kind, Plan, Verb
from caseway.platform.apply import ActionResult, ApplyReport


@dataclass(frozen=True, slots=True)
class Version:
    """A version that a plan makes, and the rule that fired."""

    use_case: str
    version: str
    before: str
    rule: str


@dataclass(frozen=True, slots=True)
class Address:
    """Where a workflow of a preview is reached, and how it wants to be called."""

    instance: str
    workflow: str
    url: str
    method: str = "POST"
    needs_key: bool = True


@dataclass(frozen=True, slots=True)
class PreviewView:
    """A preview as a pull request shows it."""

    id: str
    status: str
    expires: str = ""
    error: str = ""
    versions: tuple[Version, ...] = ()
    addresses: tuple[Address, ...] = ()
    instances: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """One project in one stage. `against` says what was planned against when it is not the platform."""

    project: str
    stage: str = ""
    plan: Plan | None = None
    applied: ApplyReport | None = None
    preview: PreviewView | None = None
    against: str = ""

    @property
    def versions(self) -> tuple[Version, ...]:
        """The versions that the plan makes; without one, those that merging would make of the preview."""
        if self.plan is None:
            return self.preview.versions if self.preview else ()
        return tuple(_versions(self.plan))

    @property
    def failed(self) -> tuple[ActionResult, ...]:
        """The actions that failed."""
        return self.applied.failed if self.applied else ()


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the run and how long it took."""

    name: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Trouble:
    """What stopped the run."""

    message: str
    hint: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """A whole run. `prefix` leads from the repository's top to the folder that findings are relative to."""

    event: Event
    job: Job
    findings: tuple[Diagnostic, ...] = ()
    prefix: str = ""
    is_strict: bool = False
    parts: tuple[Part, ...] = ()
    steps: tuple[Step, ...] = ()
    trouble: Trouble | None = None
    remarks: tuple[str, ...] = field(default=())

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """The findings that let the run fail."""
        failing = {Severity.ERROR, Severity.WARNING} if self.is_strict else {Severity.ERROR}
        return tuple(each for each in self.findings if each.severity in failing)

    @property
    def is_ok(self) -> bool:
        """Whether the exit code is 0."""
        return not self.errors and self.trouble is None and not any(map(_is_bad, self.parts))

    @property
    def blocked(self) -> tuple[str, ...]:
        """What forbids to apply the plans."""
        return tuple(reason for part in self.parts if part.plan is not None for reason in part.plan.blocked)

    @property
    def is_changed(self) -> bool:
        """Whether something was to do. Drift that was found is a change too."""
        return any(part.plan is not None and not part.plan.is_empty for part in self.parts)

    @property
    def headline(self) -> str:
        """One line: how it went."""
        if self.errors:
            return counted(len(self.errors), "error") + " in the project"
        if self.trouble is not None:
            is_refused = self.job.do is Do.REFUSE
            return _HEADLINES[Do.REFUSE] if is_refused else self.trouble.message.partition("\n")[0]
        if self.blocked:
            return f"The plan is blocked: {self.blocked[0]}"
        failed = sum(len(part.failed) for part in self.parts)
        if failed:
            return f"{counted(failed, 'action')} failed"
        if any(part.preview is not None and part.preview.error for part in self.parts):
            return "The preview is not up"
        return (
            _HEADLINES[self.job.do] if self.is_changed else _QUIET.get(self.job.do, _HEADLINES[self.job.do])
        )


_HEADLINES = {
    Do.NOTHING: "Nothing to do for this event",
    Do.REFUSE: "Refused",
    Do.VALIDATE: "The project is valid",
    Do.PLAN: "Planned",
    Do.APPLY: "Deployed",
    Do.PROMOTE: "Promoted",
    Do.PREVIEW_UP: "Planned, and the preview is up",
    Do.PREVIEW_DOWN: "The preview is gone",
    Do.DRIFT: "Hands have changed what is live",
}
_QUIET = {
    Do.PLAN: "Nothing would change",
    Do.PREVIEW_UP: "Nothing would change",
    Do.APPLY: "Everything is as the repository says",
    Do.PROMOTE: "Everything is as the repository says",
    Do.DRIFT: "No drift",
}


def counted(count: int, noun: str) -> str:
    """`1 error`, `2 errors`."""
    return f"{count} {noun}" + ("" if count == 1 else "s")


def _is_bad(part: Part) -> bool:
    has_stale_preview = part.preview is not None and bool(part.preview.error)
    return bool(part.failed) or has_stale_preview or (part.plan is not None and bool(part.plan.blocked))


def _versions(plan: Plan) -> Iterator[Version]:
    for action in plan.actions:
        if (action.kind, action.verb) == (Kind.TEMPLATE, Verb.CREATE):
            use_case, _, version = action.name.rpartition("@")
            yield Version(use_case, version, str(action.payload.get("from") or ""), action.reason)
