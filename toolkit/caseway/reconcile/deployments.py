"""The actions that make deployments: what each must wait for, and what the reader should be warned of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from caseway.model.canonical import JsonObject
from caseway.model.plan import Kind, Verb
from caseway.reconcile.contract import contract
from caseway.reconcile.exclusive import Verdict
from caseway.reconcile.inputs import ignored_parameters, missing_credentials, parameter_problems
from caseway.reconcile.placement import Move, Placement, is_serving
from caseway.reconcile.resources import connections_of, contained, of_preview, runtime_of
from caseway.reconcile.setting import Setting
from caseway.reconcile.step import Step, Subject, action_id, template_name
from caseway.reconcile.unenforced import unenforced


def deployment_step(placement: Placement, verdict: Verdict, setting: Setting) -> Step:
    """Deploy, update or repair; undeploy what is archived; nothing when all stands."""
    move = placement.move
    subject = Subject(Kind.DEPLOYMENT, placement.name)
    if move is not None:
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
            warning="; ".join(_warnings(placement, move, verdict, setting)),
        )
    elif placement.fields.get("archived") and is_serving(placement.now) and placement.is_ours:
        update = action_id(Verb.UPDATE, Kind.INSTANCE, placement.name)
        action = subject.to(Verb.UNDEPLOY, "archived", {"process": placement.process}, after=(update,))
    else:
        return Step()
    return Step((action,))


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
        yield from unenforced({**asked, **(fields.get("resources") or {})})
    for name in ignored_parameters(fields.get("parameters", {}), promise):
        yield f"parameter '{name}' is no longer declared: its value is ignored"
