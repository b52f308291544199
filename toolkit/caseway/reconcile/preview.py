"""A preview: what a change touches, as a project of its own beside the real one. Pure.

The one rule: nothing in a preview has the name of anything outside of it, so that taking it away cannot take
anything else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from caseway.model.canonical import JsonObject
from caseway.model.desired import Desired, Follows, Instance, PrunePolicy, Resource, Stage, UseCase
from caseway.model.errors import CasewayError
from caseway.model.fields import instance_fields
from caseway.model.plan import Verb
from caseway.model.snapshot import Resource as Stored
from caseway.model.snapshot import Snapshot
from caseway.reconcile.contract import contract, mapping
from caseway.reconcile.resources import connections_of, of_preview, runtime_of
from caseway.reconcile.shelf import Shelf, shelves

SEPARATOR = "/"  # no project's name holds one, so a preview's project is never a real one
_ID = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Expected:
    """What a merge would make of one use case: its version, whether that is new, and why it is this one."""

    use_case: str
    version: str
    is_new: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Prospect:
    """A preview's desired state, what merging would make of each use case in it, and what forbids both."""

    desired: Desired
    expected: tuple[Expected, ...]
    blocked: tuple[str, ...] = ()


def project_of(project: str, preview: str) -> str:
    """The project that owns everything of a preview."""
    return f"{project}{SEPARATOR}{preview}"


def check_id(preview: str, stages: Iterable[str]) -> None:
    """Refuse (`preview-id`) what cannot name a preview: it becomes the name of a stage."""
    if not _ID.fullmatch(preview) or "--" in preview:
        raise CasewayError(
            f"{preview[:40]!r} cannot name a preview",
            code="preview-id",
            hint="lower-case letters, digits and single dashes, at most 32, such as pr-42",
        )
    if preview in set(stages):
        raise CasewayError(
            f"{preview!r} is a stage of the project already",
            code="preview-id",
            place=preview,
            hint="name the preview otherwise, such as pr-42",
        )


def touched(base: Desired, head: Desired) -> frozenset[str]:
    """The use cases of `head` that behave differently than in `base`: by their own content, by an instance of
    theirs, by a runtime or connection they use, or by a use case whose workflow they call."""
    before = {item.name: item.digest for item in base.use_cases}
    runtimes = _changed(base.runtimes, head.runtimes)
    connections = _changed(base.connections, head.connections)
    placed, placed_before = _placed(head), _placed(base)
    changed = {
        item.name
        for item in head.use_cases
        if before.get(item.name) != item.digest
        or runtime_of(item.body) in runtimes
        or not connections.isdisjoint(connections_of(item.body))
        or placed.get(item.name) != placed_before.get(item.name)
    }
    return frozenset(_reached(changed, _callers(head.use_cases)))


def changed_here(head: Desired, actual: Snapshot) -> frozenset[str]:
    """As `touched`, when no base is at hand: beside what the platform holds of the project."""
    known = {
        name: {item.digest for item in process.templates[-1:]} for name, process in actual.processes.items()
    }
    runtimes = _unlike(head.runtimes, actual.runtimes)
    connections = _unlike(head.connections, actual.connections)
    changed = {
        item.name
        for item in head.use_cases
        if item.digest not in known.get(item.name, set())
        or runtime_of(item.body) in runtimes
        or not connections.isdisjoint(connections_of(item.body))
    }
    return frozenset(_reached(changed, _callers(head.use_cases)))


def with_callees(names: Iterable[str], head: Desired) -> frozenset[str]:
    """`names` and every use case whose workflows they call: a preview calls none of the real instances."""
    callers = _callers(head.use_cases)
    callees = {name: {called for called, by in callers.items() if name in by} for name in _names(head)}
    return frozenset(_reached(set(names) & set(_names(head)), callees))


def prospect(head: Desired, names: Iterable[str], actual: Snapshot, preview: str) -> Prospect:
    """The preview of the use cases `names` (and of what they call) of `head`, beside `actual`.

    Raises `CasewayError` (`preview-id`)."""
    check_id(preview, (stage.name for stage in head.stages))
    wanted = with_callees(names, head)
    chosen = replace(head, use_cases=tuple(item for item in head.use_cases if item.name in wanted))
    known = shelves(chosen, actual)
    runtimes = _own(head.runtimes, actual.runtimes, {runtime_of(item.body) for item in chosen.use_cases})
    used = {name for item in chosen.use_cases for name in connections_of(item.body)}
    desired = Desired(
        project=project_of(head.project, preview),
        organization=head.organization,
        owner=head.owner,
        source=head.source,
        stages=(Stage(preview, Follows.LATEST),),
        use_cases=tuple(_use_case(known[item.name], preview) for item in chosen.use_cases),
        instances=tuple(_instances(chosen, preview)),
        runtimes=tuple(_renamed(item, preview) for item in runtimes),
        connections=tuple(
            _renamed(item, preview) for item in _own(head.connections, actual.connections, used)
        ),
        prune=PrunePolicy.KEEP,  # what a later commit no longer touches is purged, not pruned
        complete=head.complete,
        previews=head.previews,
        preview=preview,
    )
    blocked = tuple(reason for item in known.values() for reason in item.step.blocked)
    return Prospect(desired, tuple(_expected(item) for item in known.values()), blocked)


def _names(desired: Desired) -> list[str]:
    return [item.name for item in desired.use_cases]


def _changed(before: Iterable[Resource], after: Iterable[Resource]) -> set[str]:
    known = {item.name: item.digest for item in before}
    return {item.name for item in after if known.get(item.name) != item.digest}


def _unlike(wanted: Iterable[Resource], there: Mapping[str, Stored]) -> set[str]:
    return {item.name for item in wanted if item.name not in there or there[item.name].digest != item.digest}


def _own(wanted: Iterable[Resource], there: Mapping[str, Stored], used: set[str]) -> list[Resource]:
    """What the preview cannot share with the project, for it is not there or differs."""
    different = _unlike(wanted, there)
    return [item for item in wanted if item.name in used and item.name in different]


def _renamed(resource: Resource, preview: str) -> Resource:
    return replace(resource, name=of_preview(resource.name, preview))


def _placed(desired: Desired) -> dict[str, list[tuple[str, str, str, JsonObject]]]:
    """What is declared of the instances of each use case."""
    found: dict[str, list[tuple[str, str, str, JsonObject]]] = {}
    for item in sorted(desired.instances, key=lambda item: item.name):
        facts = (item.name, item.stage, item.owner, instance_fields(item))
        found.setdefault(item.use_case, []).append(facts)
    return found


def _reached(start: set[str], leads: Mapping[str, set[str]]) -> set[str]:
    """Everything that `leads` leads to from `start`, itself included."""
    found: set[str] = set()
    todo = sorted(start)
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += sorted(leads.get(name, set()) - found)
    return found


def _callers(use_cases: Iterable[UseCase]) -> dict[str, set[str]]:
    """By use case, those whose workflows call one of its workflows."""
    homes: dict[tuple[str, str], set[str]] = {}
    wanted: list[tuple[str, tuple[str, str]]] = []
    for item in use_cases:
        for definition in _definitions(item.body):
            head = mapping(definition.get("document"))
            identity = str(head.get("namespace") or ""), str(head.get("name") or "")
            homes.setdefault(identity, set()).add(item.name)
            wanted += [(item.name, called) for called in calls(definition)]
    callers: dict[str, set[str]] = {}
    for name, called in wanted:
        for home in homes.get(called, set()) - {name}:
            callers.setdefault(home, set()).add(name)
    return callers


def calls(definition: Any) -> Iterator[tuple[str, str]]:
    """Namespace and name of every sub-workflow that a workflow runs."""
    todo = [definition]
    while todo:
        value = todo.pop()
        if isinstance(value, Mapping):
            workflow = mapping(mapping(value.get("run")).get("workflow"))
            if workflow.get("name"):
                yield str(workflow.get("namespace") or ""), str(workflow["name"])
            todo += value.values()
        elif isinstance(value, (list, tuple)):
            todo += value


def _definitions(body: JsonObject) -> Iterator[Mapping[str, Any]]:
    workflows: Any = body.get("workflows") or ()
    for item in workflows:
        definition = item.get("definition") if isinstance(item, Mapping) else None
        if isinstance(definition, Mapping):
            yield definition


def _use_case(shelf: Shelf, preview: str) -> UseCase:
    """The use case under the preview's name, with the version that the merge would give it."""
    item = shelf.use_case
    listing = {key: value for key, value in item.listing.items() if key not in _SHARED}
    return replace(
        item,
        name=of_preview(item.name, preview),
        version=shelf.current.version if shelf.current else item.version,
        listing={**listing, "visibility": "private"},
        snapshot=preview,
    )


_SHARED = frozenset(("users", "teams", "starter"))


def _expected(shelf: Shelf) -> Expected:
    made = next(
        (item for item in shelf.step.actions if item.verb is Verb.CREATE and "rule" in item.payload), None
    )
    version = shelf.current.version if shelf.current else ""
    return Expected(shelf.use_case.name, version, made is not None, made.reason if made else "as it is")


def _instances(head: Desired, preview: str) -> Iterator[Instance]:
    """Of each use case the instances of its earliest stage, as they would be there."""
    ranks = {stage.name: rank for rank, stage in enumerate(head.stages)}
    for use_case in head.use_cases:
        mine = [item for item in head.instances if item.use_case == use_case.name and not item.archived]
        earliest = min((ranks.get(item.stage, len(ranks)) for item in mine), default=0)
        first = [item for item in mine if ranks.get(item.stage, len(ranks)) == earliest]
        if not mine:
            first = [Instance(use_case.name, use_case.name, preview, head.owner)]
        for item in first:
            yield _instance(item, use_case, head, preview)


def _instance(item: Instance, use_case: UseCase, head: Desired, preview: str) -> Instance:
    declared = mapping(contract(use_case.body).parameters.get("properties"))
    replaced = {name: value for name, value in head.previews.parameters.items() if name in declared}
    return replace(
        item,
        name=of_preview(item.name, preview),
        use_case=of_preview(use_case.name, preview),
        stage=preview,
        version="*",
        enabled=True,
        parameters={**item.parameters, **replaced},
        sharing={},
    )
