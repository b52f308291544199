"""What the project declared once and declares no longer. It is only ever taken away on request, from a whole
reading of the repo, by the declared policy, and never many things at once by accident."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from caseway.model.canonical import JsonObject
from caseway.model.desired import Desired, PrunePolicy
from caseway.model.desired import Resource as Declared
from caseway.model.plan import Action, Kind, Verb
from caseway.model.snapshot import Instance, Process, Resource, Snapshot
from caseway.reconcile.placement import is_enabled, is_serving
from caseway.reconcile.resources import connections_of, runtime_of
from caseway.reconcile.setting import Setting
from caseway.reconcile.step import Step, Subject, action_id

_SHOWN = 10
_SHARE = 10  # a tenth of what the project has may go without asking


@dataclass(frozen=True, slots=True)
class Orphans:
    """What is there and no longer in the repo."""

    instances: tuple[Instance, ...] = ()
    processes: tuple[Process, ...] = ()
    connections: tuple[str, ...] = ()
    runtimes: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """Each as `kind name`."""
        return [
            *(f"instance {item.name}" for item in self.instances),
            *(f"process {item.name}" for item in self.processes),
            *(f"connection {name}" for name in self.connections),
            *(f"runtime {name}" for name in self.runtimes),
        ]


def orphans(desired: Desired, actual: Snapshot, setting: Setting) -> Orphans:
    """Everything of this project that its policy would take away; within one stage only its instances."""
    if desired.prune is PrunePolicy.KEEP:
        return Orphans()
    declared = {item.name for item in desired.instances}
    instances = tuple(
        item
        for name, item in actual.instances.items()
        if name not in declared
        and setting.is_ours(item)
        and setting.includes(item.stage)
        and _is_due(item, desired.prune)
    )
    if setting.scope or desired.prune is PrunePolicy.PAUSE:
        return Orphans(instances)
    staying = _staying(actual, declared | {item.name for item in instances})
    processes = tuple(_processes(desired, actual, staying))
    deleted = {item.name for item in processes} if desired.prune is PrunePolicy.DELETE else set()
    return Orphans(instances, processes, *_resources(desired, actual, deleted))


def prune_step(found: Orphans, policy: PrunePolicy) -> Step:
    """The actions that take the orphans away."""
    actions: list[Action] = []
    verb = Verb.DELETE if policy is PrunePolicy.DELETE else Verb.ARCHIVE
    for item in found.instances:
        actions += _instance(item, policy)
    gone: dict[str, list[str]] = {}
    for item in found.instances:
        gone.setdefault(item.process, []).append(action_id(verb, Kind.INSTANCE, item.name))
    for process in found.processes:
        after = tuple(gone.get(process.name, ()))
        actions.append(Subject(Kind.PROCESS, process.name).to(verb, _REASON, {}, after=after))
    for kind, names in ((Kind.CONNECTION, found.connections), (Kind.RUNTIME, found.runtimes)):
        actions += [Subject(kind, name).to(Verb.DELETE, _REASON, {}) for name in names]
    return Step(tuple(actions))


def leaves_by(found: Orphans, policy: PrunePolicy) -> Mapping[str, str]:
    """By instance name, the id of the action that takes it out of service."""
    return {item.name: action_id(_VERBS[policy], Kind.INSTANCE, item.name) for item in found.instances}


def guard(found: Orphans, desired: Desired, actual: Snapshot, *, allow: bool) -> str:
    """Why this many may not go at once, or ""."""
    count = len(found.names)
    owned = sum(item.project == desired.project for item in actual.instances.values())
    owned += sum(item.project == desired.project for item in actual.processes.values())
    limit = max(desired.max_deletes, owned // _SHARE)
    if allow or count <= limit:
        return ""
    return (
        f"{count} things would be pruned and the guard allows {limit}: {_listed(found.names)}; "
        "if that is what you want, add --allow-mass-delete"
    )


def left_alone(found: Orphans, policy: PrunePolicy, *, is_complete: bool) -> Iterator[str]:
    """The notice for orphans that this plan does not touch."""
    names = found.names
    if not names:
        return
    what = f"no longer in the repo, left alone: {_listed(names)}"
    if is_complete:
        yield f"{what}; --prune would {policy.value} {'it' if len(names) == 1 else 'them'}"
    else:
        yield f"{what}; nothing is pruned while part of the repo cannot be read"


_REASON = "no longer in the repo"
_VERBS = {
    PrunePolicy.PAUSE: Verb.PAUSE,
    PrunePolicy.ARCHIVE: Verb.ARCHIVE,
    PrunePolicy.DELETE: Verb.DELETE,
}


def _is_due(item: Instance, policy: PrunePolicy) -> bool:
    if policy is PrunePolicy.DELETE:
        return True
    return is_enabled(item.desired) if policy is PrunePolicy.PAUSE else not item.desired.get("archived")


def _staying(actual: Snapshot, accounted: set[str]) -> list[Instance]:
    return [item for name, item in actual.instances.items() if name not in accounted]


def _processes(desired: Desired, actual: Snapshot, staying: Sequence[Instance]) -> Iterator[Process]:
    """Processes whose use case is gone and that nobody else's instance is of."""
    declared = {item.name for item in desired.use_cases} | {item.use_case for item in desired.instances}
    used = {item.process for item in staying if not item.desired.get("archived")}
    if desired.prune is PrunePolicy.DELETE:
        used = {item.process for item in staying}
    for name, process in actual.processes.items():
        is_orphan = process.project == desired.project and name not in declared and name not in used
        if is_orphan and (desired.prune is PrunePolicy.DELETE or not process.archived):
            yield process


def _resources(
    desired: Desired, actual: Snapshot, deleted: set[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Connections and runtimes that no use case and no template of a process refers to any more."""
    connections = _undeclared(actual.connections, desired.connections, desired.project)
    runtimes = _undeclared(actual.runtimes, desired.runtimes, desired.project)
    if connections or runtimes:  # only then is it worth looking into every template
        for body in _bodies(desired, actual, deleted):
            connections -= set(connections_of(body))
            runtimes.discard(runtime_of(body))
    return tuple(sorted(connections)), tuple(sorted(runtimes))


def _undeclared(there: Mapping[str, Resource], declared: Sequence[Declared], project: str) -> set[str]:
    names = {item.name for item in declared}
    return {name for name, item in there.items() if item.project == project and name not in names}


def _bodies(desired: Desired, actual: Snapshot, deleted: set[str]) -> Iterator[JsonObject]:
    yield from (item.body for item in desired.use_cases)
    for process in actual.processes.values():
        if process.name not in deleted:
            yield from (template.body for template in process.templates)


def _instance(item: Instance, policy: PrunePolicy) -> Iterator[Action]:
    subject = Subject(Kind.INSTANCE, item.name)
    payload = {"process": item.process}
    if policy is PrunePolicy.PAUSE:
        yield subject.to(Verb.PAUSE, _REASON, {"by": "", **payload})
        return
    undeploy = Subject(Kind.DEPLOYMENT, item.name).to(Verb.UNDEPLOY, _REASON, payload)
    if is_serving(item):
        yield undeploy
    yield subject.to(_VERBS[policy], _REASON, payload, after=(undeploy.id,))


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
