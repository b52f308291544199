"""Builders of desired and actual things, with everything a test does not speak of filled in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from caseway.model.canonical import JsonObject, digest
from caseway.model.desired import Desired, Follows, Instance, Resource, Source, Stage, Strategy, UseCase
from caseway.model.plan import Plan
from caseway.model.snapshot import Snapshot
from caseway.reconcile.plan import plan
from reconcile.simulate import simulate

DEV = Stage("dev")
PROD = Stage("prod", Follows.PUBLISHED)


def a_workflow(name: str = "main", **changes: Any) -> dict[str, Any]:
    """A workflow of a template body with an http trigger and one task."""
    return {
        "id": name,
        "response": "async",
        "triggers": [{"id": "http", "type": "http", "method": "POST", "path": f"/{name}", "auth": "key"}],
        "definition": {"do": [{"say": {"set": {"text": "hello"}}}]},
        **changes,
    }


def a_body(**changes: Any) -> dict[str, Any]:
    """A template body with one workflow."""
    return {"title": "Invoice intake", "workflows": [a_workflow()], **changes}


def a_use_case(
    name: str = "invoice",
    *,
    body: JsonObject | None = None,
    listing: JsonObject | None = None,
    version: str = "",
    strategy: Strategy = Strategy.AUTO,
    exclusive: bool = True,
    **content: Any,
) -> UseCase:
    """A use case; further keywords are keys of its body."""
    whole = body if body is not None else a_body(**content)
    return UseCase(
        name=name,
        path=f"use-cases/{name}",
        digest=digest(whole),
        body=whole,
        listing=listing or {"visibility": "private"},
        version=version,
        strategy=strategy,
        exclusive=exclusive,
    )


def an_instance(name: str = "invoice-dev", **changes: Any) -> Instance:
    """An instance in dev that follows everything."""
    instance = Instance(name=name, use_case="invoice", stage="dev", owner="ann")
    return replace(instance, **changes)


def a_resource(name: str = "db", **body: Any) -> Resource:
    """A runtime or connection."""
    return Resource(name, digest(body), body)


def a_desired(*things: UseCase | Instance, **changes: Any) -> Desired:
    """A project of these use cases and instances, in dev and prod."""
    desired = Desired(
        project="acme",
        organization="acme",
        owner="ann",
        source=Source(commit="1" * 40, author="ann", message="a change"),
        stages=(DEV, PROD),
        use_cases=tuple(thing for thing in things if isinstance(thing, UseCase)),
        instances=tuple(thing for thing in things if isinstance(thing, Instance)),
    )
    return replace(desired, **changes)


def applied(*history: Desired, snapshot: Snapshot | None = None, **options: Any) -> Snapshot:
    """The platform after all of these were applied in turn."""
    state = snapshot or Snapshot(revision=0)
    for desired in history:
        made = plan(desired, state, **options)
        assert not made.blocked, made.blocked
        state = simulate(state, made)
    return state


def ids(made: Plan) -> list[str]:
    """The ids of a plan's actions, in order."""
    return [action.id for action in made.actions]
