"""Runtimes and connections: put when their content differs, deleted when nothing refers to them any more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from caseway.model.canonical import JsonObject
from caseway.model.desired import Desired
from caseway.model.desired import Resource as DesiredResource
from caseway.model.engine_facts import DEFAULT_RUNTIME_IMAGE, EngineFacts
from caseway.model.plan import Kind, Verb
from caseway.model.snapshot import Resource, Snapshot
from caseway.reconcile.contract import keyed
from caseway.reconcile.deployability import bases_of, build_problems, is_image_gone
from caseway.reconcile.diff import diff
from caseway.reconcile.step import Step, Subject, action_id, total

DEFAULT_RUNTIME = "default"


@dataclass(frozen=True, slots=True)
class Digests:
    """The digests of runtimes and connections as they will be after the plan, by name."""

    runtimes: Mapping[str, str]
    connections: Mapping[str, str]


def put_resources(desired: Desired, actual: Snapshot, facts: EngineFacts) -> Step:
    """Put every connection and runtime of the repo that is new or differs."""
    return total(
        (
            *_put(Kind.CONNECTION, desired.connections, actual.connections, desired.project),
            *_put(Kind.RUNTIME, desired.runtimes, actual.runtimes, desired.project),
            *_build(desired, actual, facts),
        )
    )


def digests_after(desired: Desired, actual: Snapshot) -> Digests:
    """What the plan leaves: the repo's, and those of other projects. In a preview its own stand in for the
    project's."""
    return Digests(
        {**_digests(actual.runtimes.values()), **_own(desired.runtimes, desired.preview)},
        {**_digests(actual.connections.values()), **_own(desired.connections, desired.preview)},
    )


def runtime_of(body: JsonObject) -> str:
    """The runtime that a template names; "" for none."""
    return str(body.get("runtime") or "")


def connections_of(body: JsonObject) -> tuple[str, ...]:
    """The connections that a template names."""
    return tuple(name for name, _ in keyed(body.get("connections")))


def of_preview(name: str, preview: str) -> str:
    """What the preview of that id calls its own thing instead of the project's `name`."""
    return f"{name}--{preview}"


def _own(resources: Iterable[DesiredResource], preview: str) -> dict[str, str]:
    known = _digests(resources)
    ending = of_preview("", preview)
    return known | {name.removesuffix(ending): digest for name, digest in known.items() if preview}


def contained(body: JsonObject) -> bool:
    """Whether a template's executions run in containers."""
    return isinstance(body.get("container"), Mapping)


def images_needed(desired: Desired, actual: Snapshot) -> frozenset[str] | None:
    """The images that use cases in containers stand on: to build upon, to take as they are, and those that
    were built. None when nothing of the project runs in containers, so that no engine need be asked."""
    names = _runtimes_needed(desired)
    if not names:
        return None
    declared = {item.name: item.body for item in desired.runtimes}
    built = {actual.runtimes[name].image for name in names & actual.runtimes.keys()}
    bases = {image for name in names & declared.keys() for image in bases_of(declared[name])}
    default = {DEFAULT_RUNTIME_IMAGE} if DEFAULT_RUNTIME in names - declared.keys() else set()
    return frozenset((built | bases | default) - {""})


def _runtimes_needed(desired: Desired) -> set[str]:
    needed = {runtime_of(item.body) or DEFAULT_RUNTIME for item in desired.use_cases if contained(item.body)}
    return needed | {of_preview(name, desired.preview) for name in needed if desired.preview}


def _build(desired: Desired, actual: Snapshot, facts: EngineFacts) -> Iterator[Step]:
    """Build the images that executions in containers need, and that were not built from this content, or are
    gone."""
    needed = _runtimes_needed(desired)
    for item in desired.runtimes:
        now = actual.runtimes.get(item.name)
        is_ours = now is None or now.project == desired.project
        reason = _why_build(item, now, facts) if item.name in needed and is_ours else ""
        if reason:
            put = action_id(Verb.PUT, Kind.RUNTIME, item.name)
            payload: JsonObject = {"digest": item.digest, "body": item.body}
            problem, warning = build_problems(item.name, item.body, facts)
            build = Subject(Kind.RUNTIME, item.name).to(
                Verb.BUILD, reason, payload, after=(put,), warning=warning
            )
            yield Step((build,), blocked=(problem,) if problem else ())


def _why_build(item: DesiredResource, now: Resource | None, facts: EngineFacts) -> str:
    if now is None or not now.built:
        return "never built"
    if now.built != item.digest:
        return "its content changed"
    return "its image is gone from the engine" if is_image_gone(now.image, facts) else ""


def _digests(resources: Iterable[Resource | DesiredResource]) -> dict[str, str]:
    return {item.name: item.digest for item in resources}


def _put(
    kind: Kind, wanted: tuple[DesiredResource, ...], there: Mapping[str, Resource], project: str
) -> Iterator[Step]:
    for item in wanted:
        now = there.get(item.name)
        if now is not None and now.project != project:
            words = f"{kind} '{item.name}' is taken: it belongs to project '{now.project}'; rename it"
            yield Step(blocked=(words,))
        elif now is None or now.digest != item.digest:
            action = Subject(kind, item.name).to(
                Verb.PUT,
                f"new {kind}" if now is None else "changed in the repo",
                {"digest": item.digest, "body": item.body},
                changes=diff(now.body if now else {}, item.body),
            )
            yield Step((action,))
