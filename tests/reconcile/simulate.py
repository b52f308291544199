"""The platform as a pure function: what apply does to a snapshot, action by action. No store, no targets."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from caseway.model.plan import Action, Kind, Plan, Verb
from caseway.model.snapshot import (
    Deployment,
    Instance,
    LiveWorkflow,
    Process,
    Resource,
    Snapshot,
    Template,
)
from caseway.model.states import TEMPLATE, DeploymentStatus, InstancePhase, TemplateStatus, move


def simulate(snapshot: Snapshot, plan: Plan, *, fails: frozenset[str] = frozenset()) -> Snapshot:
    """The snapshot after the whole plan; deployments of the instances in `fails` fail."""
    return deque([snapshot, *prefixes(snapshot, plan, fails=fails)], maxlen=1).pop()


def prefixes(snapshot: Snapshot, plan: Plan, *, fails: frozenset[str] = frozenset()) -> Iterator[Snapshot]:
    """The snapshot after each action. What depends on a failed action is skipped, as apply does."""
    bad: set[str] = set()
    for action in plan.actions:
        if bad & set(action.depends_on):
            bad.add(action.id)
            continue
        if action.kind is Kind.DEPLOYMENT and action.name in fails and action.verb is not Verb.UNDEPLOY:
            bad.add(action.id)
            snapshot = _fail(snapshot, action)
        else:
            snapshot = _ACTS[action.kind](snapshot, action, plan.project)
        snapshot = replace(snapshot, revision=snapshot.revision + 1)
        yield snapshot


def _process(snapshot: Snapshot, action: Action, project: str) -> Snapshot:
    processes = dict(snapshot.processes)
    match action.verb:
        case Verb.DELETE:
            assert not any(item.process == action.name for item in snapshot.instances.values())
            del processes[action.name]
        case Verb.ARCHIVE:
            processes[action.name] = replace(processes[action.name], archived=True)
        case _:
            before = processes.get(action.name)
            assert (before is None) == (action.verb is Verb.CREATE)
            payload: Any = action.payload
            processes[action.name] = Process(
                name=action.name,
                project=project,
                listing=payload["listing"],
                process_type=payload["processType"],
                exclusive=payload["exclusive"],
                templates=before.templates if before else (),
            )
    return replace(snapshot, processes=processes)


def _template(snapshot: Snapshot, action: Action, project: str) -> Snapshot:
    payload: Any = action.payload
    process = snapshot.processes[payload["process"]]
    if action.verb is Verb.CREATE:
        assert payload["version"] not in {item.version for item in process.templates}
        new = Template(
            version=payload["version"],
            revision=len(process.templates) + 1,
            digest=payload["digest"],
            status=TemplateStatus.INACTIVE,
            commit=payload["commit"],
            body=payload["body"],
        )
        templates = (*process.templates, new)
    else:
        is_publish = action.verb is Verb.PUBLISH
        after = TemplateStatus.PUBLISHED if is_publish else TemplateStatus.DEPRECATED
        templates = tuple(
            replace(item, status=move(TEMPLATE, item.status, after))
            if item.version == payload["version"]
            else item
            for item in process.templates
        )
    return replace(
        snapshot, processes={**snapshot.processes, process.name: replace(process, templates=templates)}
    )


def _instance(snapshot: Snapshot, action: Action, project: str) -> Snapshot:
    instances = dict(snapshot.instances)
    payload: Any = action.payload
    before = instances.get(action.name)
    if action.verb is Verb.DELETE:
        del instances[action.name]
        return replace(snapshot, instances=instances)
    if action.verb is Verb.CREATE:
        assert before is None
        after = Instance(
            id=f"id-{action.name}",
            name=action.name,
            project=project,
            process=payload["process"],
            stage=payload["stage"],
            owner=payload["owner"],
            phase=InstancePhase.ACTIVE,
            desired=payload["fields"],
            applied=payload["fields"],
        )
    else:
        assert before is not None
        after = _changed(before, action)
    instances[action.name] = replace(after, phase=_phase(after))
    return replace(snapshot, instances=instances)


def _changed(before: Instance, action: Action) -> Instance:
    payload: Any = action.payload
    match action.verb:
        case Verb.UPDATE:
            fields = payload["fields"]
            return replace(before, owner=payload["owner"], desired=fields, applied=fields)
        case Verb.PAUSE if payload["by"]:
            return replace(before, auto_paused_by=payload["by"])
        case Verb.PAUSE:
            return replace(before, desired={**before.desired, "enabled": False})
        case Verb.RESUME:
            assert before.auto_paused_by
            return replace(before, auto_paused_by="")
        case Verb.ARCHIVE:
            return replace(before, desired={**before.desired, "archived": True})
        case verb:
            raise AssertionError(verb)


def _phase(instance: Instance) -> InstancePhase:
    if instance.desired.get("archived"):
        return InstancePhase.ARCHIVED
    if instance.auto_paused_by or not instance.desired.get("enabled", True):
        return InstancePhase.USER_PAUSED
    if instance.current is None and instance.last is not None:
        return InstancePhase.DEPLOY_FAILED
    return InstancePhase.ACTIVE


def _deployment(snapshot: Snapshot, action: Action, project: str) -> Snapshot:
    before = snapshot.instances[action.name]
    if action.verb is Verb.UNDEPLOY:
        assert before.current is not None
        return _with(snapshot, replace(before, current=None))
    attempt = replace(_attempt(action), status=DeploymentStatus.DEPLOYED)
    body = next(
        item.body
        for item in snapshot.processes[before.process].templates
        if item.digest == attempt.template_digest
    )
    workflows: Any = body["workflows"]
    live = tuple(
        LiveWorkflow(item["id"], f"live-{item['id']}", "sha256:put", "sha256:put", True) for item in workflows
    )
    return _with(snapshot, replace(before, current=replace(attempt, workflows=live), last=None))


def _fail(snapshot: Snapshot, action: Action) -> Snapshot:
    before = snapshot.instances[action.name]
    attempt = replace(_attempt(action), status=DeploymentStatus.FAILED, error="no luck", error_code="x")
    return _with(snapshot, replace(before, last=attempt))


def _attempt(action: Action) -> Deployment:
    payload: Any = action.payload
    return Deployment(payload["version"], payload["digest"], payload["inputs"], DeploymentStatus.DEPLOYING)


def _with(snapshot: Snapshot, instance: Instance) -> Snapshot:
    after = replace(instance, phase=_phase(instance))
    return replace(snapshot, instances={**snapshot.instances, instance.name: after})


def _resource(snapshot: Snapshot, action: Action, project: str) -> Snapshot:
    field = "runtimes" if action.kind is Kind.RUNTIME else "connections"
    there = dict(getattr(snapshot, field))
    payload: Any = action.payload
    if action.verb is Verb.DELETE:
        del there[action.name]
    else:
        there[action.name] = Resource(action.name, project, payload["digest"], payload["body"])
    return replace(snapshot, **{field: there})


_ACTS: Mapping[Kind, Callable[[Snapshot, Action, str], Snapshot]] = {
    Kind.PROCESS: _process,
    Kind.TEMPLATE: _template,
    Kind.INSTANCE: _instance,
    Kind.DEPLOYMENT: _deployment,
    Kind.RUNTIME: _resource,
    Kind.CONNECTION: _resource,
}
