"""What an event asks for: one pure decision, so that every path can be tested without a forge.

Rule: what comes from a fork gets neither a token nor the platform nor a preview, whatever it says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from caseway.delivery.refs import stages_for
from caseway.github.event import Event
from caseway.model.desired import Stage
from caseway.model.errors import CasewayError

OPENING = frozenset({"opened", "synchronize", "reopened", "synchronized", "ready_for_review"})


class Do(StrEnum):
    """What one run does. The words are those of `--do` and of a dispatched workflow's input `do`."""

    NOTHING = "nothing"
    REFUSE = "refuse"
    VALIDATE = "validate"
    PLAN = "plan"
    APPLY = "apply"
    PROMOTE = "promote"
    PREVIEW_UP = "preview-up"
    PREVIEW_DOWN = "preview-down"
    DRIFT = "drift"


CHOICES = tuple(each.value for each in Do if each not in {Do.NOTHING, Do.REFUSE})


@dataclass(frozen=True, slots=True)
class Job:
    """What to do and why. `stages` are those to plan for or deploy to, in order; "" stands for all of them.
    `preview` names the preview stage; `is_trusted` is false when neither token nor platform may be used."""

    do: Do
    reason: str
    stages: tuple[str, ...] = ("",)
    preview: str = ""
    is_trusted: bool = True


@dataclass(frozen=True, slots=True)
class Shape:
    """Of the project what decides: its stages, and whether it wants previews."""

    stages: tuple[Stage, ...] = ()
    wants_previews: bool = True


@dataclass(frozen=True, slots=True)
class Means:
    """What this run may use: is there a platform that outlives it, and did the caller allow previews?"""

    has_platform: bool = True
    allows_previews: bool = True


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asked for by flags or inputs, over what the event would mean; "" for nothing said."""

    do: str = ""
    stage: str = ""
    preview: str = ""


def what_to_do(event: Event, means: Means, shape: Shape, wish: Wish | None = None) -> Job:
    """The job for this event in this project. Raises `CasewayError` (`ci-input`) for a senseless wish."""
    if event.name == "pull_request_target":
        return _refused()
    wish = wish or Wish()
    if event.name == "workflow_dispatch":
        wish = _merged(wish, event.inputs)
    if wish.do:
        job = _wished(event, shape, wish)
    else:
        job = _by_event(event, means, shape)
        if wish.stage and job.do is not Do.NOTHING:
            job = replace(job, stages=(wish.stage,))
    return _distrusted(job) if event.pull_request is not None and event.pull_request.is_fork else job


def _refused() -> Job:
    return Job(
        Do.REFUSE,
        "pull_request_target runs with the repository's secrets on content that strangers wrote, so Caseway "
        "does nothing for it. Use the pull_request event: forks then get validation and a plan without "
        "secrets.",
        is_trusted=False,
    )


def _distrusted(job: Job) -> Job:
    """The same for content from a fork: what needs the platform falls away."""
    match job.do:
        case Do.PREVIEW_UP | Do.PLAN | Do.APPLY | Do.PROMOTE:
            reason = "the pull request comes from a fork: it is planned without secrets, and gets no preview"
            return replace(job, do=Do.PLAN, reason=reason, preview="", is_trusted=False)
        case Do.PREVIEW_DOWN | Do.DRIFT:
            return Job(Do.NOTHING, "a pull request from a fork has no preview", is_trusted=False)
        case _:
            return replace(job, is_trusted=False)


def _by_event(event: Event, means: Means, shape: Shape) -> Job:
    match event.name:
        case "push" | "create" | "release":
            return _pushed(event, shape)
        case "pull_request":
            return _reviewed(event, means, shape)
        case "merge_group":
            return Job(Do.VALIDATE, "a merge queue tries these commits", stages=())
        case "schedule":
            return Job(Do.DRIFT, "the schedule fired: what have hands changed?")
        case "workflow_dispatch":
            return Job(Do.PLAN, "started by hand, without an input 'do'")
        case _:
            return Job(Do.NOTHING, f"the event '{event.name}' means nothing to Caseway")


def _pushed(event: Event, shape: Shape) -> Job:
    if event.is_deleted:
        return Job(Do.NOTHING, "a deleted branch or tag changes no stage")
    if event.name == "release" and event.action not in {"published", "released"}:
        return Job(
            Do.NOTHING, f"a release that is {event.action or 'edited'} deploys nothing; a published one does"
        )
    if event.name == "create" and not event.ref.startswith("refs/tags/"):
        return Job(Do.NOTHING, "a new branch deploys with its first push")
    stages = stages_for(shape.stages, event.ref, event.default_branch)
    name = short(event.ref)
    if not stages:
        return Job(Do.VALIDATE, f"no stage names '{name}', so it is only validated", stages=())
    is_tag = event.ref.startswith("refs/tags/")
    return Job(
        Do.PROMOTE if is_tag else Do.APPLY,
        f"'{name}' deploys to {_listed(stages)}",
        stages=stages,
    )


def _reviewed(event: Event, means: Means, shape: Shape) -> Job:
    request = event.pull_request
    if request is None:
        return Job(Do.NOTHING, "the event names no pull request")
    preview = f"pr-{request.number}"
    if event.action == "closed":
        if not means.has_platform:
            return Job(Do.NOTHING, "without a platform there was no preview to take down", preview=preview)
        return Job(Do.PREVIEW_DOWN, "the pull request is closed: its preview goes", preview=preview)
    if event.action not in OPENING:
        return Job(Do.NOTHING, f"a pull request that was '{event.action}' has no new content")
    stages = stages_for(shape.stages, f"refs/heads/{request.base_ref}", event.default_branch) or ("",)
    goal = f"planned against {_listed(stages)}" if stages != ("",) else "planned against every stage"
    if not (means.allows_previews and means.has_platform and shape.wants_previews):
        return Job(Do.PLAN, f"the pull request is {goal}", stages=stages)
    return Job(Do.PREVIEW_UP, f"the pull request is {goal} and previewed", stages=stages, preview=preview)


def _wished(event: Event, shape: Shape, wish: Wish) -> Job:
    if wish.do not in CHOICES:
        raise CasewayError(
            f"there is nothing to do called {wish.do[:40]!r}",
            code="ci-input",
            hint=f"one of: {', '.join(CHOICES)}",
        )
    do = Do(wish.do)
    reason = f"asked for: {do.value}"
    if do in {Do.PREVIEW_UP, Do.PREVIEW_DOWN}:
        number = event.pull_request.number if event.pull_request else 0
        preview = wish.preview or (f"pr-{number}" if number else "")
        if not preview:
            raise CasewayError(
                f"{do.value} needs the preview's name", code="ci-input", hint="give --preview, such as pr-42"
            )
        return Job(do, reason, stages=(wish.stage,), preview=preview)
    known = stages_for(shape.stages, event.ref, event.default_branch)
    stages = (wish.stage,) if wish.stage else known
    if do in {Do.APPLY, Do.PROMOTE} and not stages:
        raise CasewayError(
            f"{do.value} needs a stage: none names '{short(event.ref)}'",
            code="ci-input",
            hint="give --stage, or the branch in spec.stages of caseway.yaml",
        )
    return Job(do, reason, stages=stages or ("",))


def _merged(wish: Wish, inputs: Mapping[str, str]) -> Wish:
    """Flags first, then the inputs of a workflow that was started by hand."""
    return Wish(
        do=wish.do or inputs.get("do", ""),
        stage=wish.stage or inputs.get("stage", ""),
        preview=wish.preview or inputs.get("preview", ""),
    )


def short(ref: str) -> str:
    """A ref as people say it."""
    return ref.removeprefix("refs/heads/").removeprefix("refs/tags/")


def _listed(stages: Sequence[str]) -> str:
    return " and ".join(f"'{name}'" for name in stages)
