"""The actions that make deployments: what each must wait for, and what the reader should be warned of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from caseway.model.canonical import JsonObject
from caseway.model.desired import Desired
from caseway.model.engine_facts import EngineFacts, EngineKind
from caseway.model.plan import Action, Kind, Verb
from caseway.reconcile.contract import contract
from caseway.reconcile.deployability import shortcomings
from caseway.reconcile.exclusive import Verdict
from caseway.reconcile.inputs import ignored_parameters, missing_credentials, parameter_problems
from caseway.reconcile.placement import Move, Placement, is_serving
from caseway.reconcile.resources import (
    DEFAULT_RUNTIME,
    connections_of,
    contained,
    of_preview,
    runtime_of,
)
from caseway.reconcile.setting import Setting
from caseway.reconcile.step import Step, Subject, action_id, template_name


def deployment_step(placement: Placement, verdict: Verdict, setting: Setting) -> Step:
    """Deploy, update or repair; undeploy what is archived; nothing when all stands."""
    move = placement.move
    subject = Subject(Kind.DEPLOYMENT, placement.name)
    absent: tuple[str, ...] = ()
    if move is not None:
        absent = tuple(_absent(placement, move, setting))
        payload: JsonObject = {
            "process": placement.process,
            "version": move.template.version,
            "digest": move.template.digest,
            "inputs": move.inputs,
            **({"rollout": move.rollout} if move.rollout else {}),
        }
        action = subject.to(
            move.verb,
            move.reason,
            payload,
            changes=move.changes,
            after=(*_needs(placement, move), *verdict.after.get(placement.name, ())),
            warning="; ".join((*_warnings(placement, move, verdict, setting), *absent)),
        )
    elif placement.fields.get("archived") and is_serving(placement.now) and placement.is_ours:
        update = action_id(Verb.UPDATE, Kind.INSTANCE, placement.name)
        action = subject.to(Verb.UNDEPLOY, "archived", {"process": placement.process}, after=(update,))
    else:
        return Step()
    # What others installed may wait for what it lacks; what this project declares must be whole.
    return Step((action,), blocked=absent if placement.is_ours else ())


def unanswered(desired: Desired, actions: Sequence[Action], facts: EngineFacts) -> tuple[str, ...]:
    """That nobody could say whether what is planned can run, when something of it runs in containers."""
    inside = {item.name for item in desired.use_cases if contained(item.body)}
    concerned = (
        action.verb is Verb.BUILD
        or (action.kind is Kind.DEPLOYMENT and action.payload.get("process") in inside)
        for action in actions
    )
    if facts.kind is not EngineKind.DOCKER or not facts.problem or not any(concerned):
        return ()
    return (
        f"the container engine ({facts.place}) does not answer, so whether images are there and resources "
        f"suffice is not known: {facts.problem}",
    )


def _needs(placement: Placement, move: Move) -> Iterator[str]:
    template = template_name(placement.process, move.template.version)
    yield action_id(Verb.CREATE, Kind.INSTANCE, placement.name)
    yield action_id(Verb.UPDATE, Kind.INSTANCE, placement.name)
    yield action_id(Verb.RESUME, Kind.INSTANCE, placement.name)
    yield action_id(Verb.CREATE, Kind.TEMPLATE, template)
    yield action_id(Verb.PUBLISH, Kind.TEMPLATE, template)
    preview = move.template.snapshot  # its own runtimes and connections are named after it
    for name in _names(runtime_of(move.template.body), preview):
        yield action_id(Verb.PUT, Kind.RUNTIME, name)
        yield action_id(Verb.BUILD, Kind.RUNTIME, name)
    for connection in connections_of(move.template.body):
        for name in _names(connection, preview):
            yield action_id(Verb.PUT, Kind.CONNECTION, name)


def _names(name: str, preview: str) -> tuple[str, ...]:
    return (name, of_preview(name, preview)) if preview else (name,)


def _warnings(placement: Placement, move: Move, verdict: Verdict, setting: Setting) -> Iterator[str]:
    sharing = verdict.warnings.get(placement.name)
    if sharing:
        yield sharing
    fields: Any = placement.fields
    promise = contract(move.template.body)
    for slot in missing_credentials(fields.get("credentials", {}), promise, setting.stored):
        yield f"credential '{slot}' is not set: the instance waits for it"
    for name in connections_of(move.template.body):
        if setting.logins.get(name, "") not in {"", *setting.stored}:
            yield f"connection '{name}' needs credential '{setting.logins[name]}', which is not stored"
    yield from parameter_problems(fields.get("parameters", {}), promise)
    if contained(move.template.body):
        asked: Any = move.template.body.get("resources") or {}
        runtime = runtime_of(move.template.body) or DEFAULT_RUNTIME
        is_default = runtime == DEFAULT_RUNTIME and DEFAULT_RUNTIME not in setting.digests.runtimes
        whole = {**asked, **(fields.get("resources") or {})}
        yield from shortcomings(whole, setting.engine, is_default=is_default)
    for name in ignored_parameters(fields.get("parameters", {}), promise):
        yield f"parameter '{name}' is no longer declared: its value is ignored"


def _absent(placement: Placement, move: Move, setting: Setting) -> Iterator[str]:
    """What a deployment certainly fails without: a version may name what is not there any more."""
    body, preview = move.template.body, move.template.snapshot
    for name in connections_of(body):
        if name not in setting.digests.connections:
            said = f"connection '{name}' of {move.template.version} is not there"
            yield f"{placement.name}: {said}: declare it in connections/"
    runtime = runtime_of(body) or DEFAULT_RUNTIME
    is_built = setting.runtimes & set(_names(runtime, preview))
    if contained(body) and runtime != DEFAULT_RUNTIME and not is_built:
        said = f"runtime '{runtime}' of {move.template.version} has no image"
        yield f"{placement.name}: {said}: declare it in runtimes/"
