"""Every step of every state machine is taken for real, on every database, and nothing takes any other.

What is to be tested is read off the tables: a step that is added to one, and has no way here, fails."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import status_watch

from caseway.model.errors import CasewayError
from caseway.model.states import EXECUTION, InstancePhase
from caseway.platform import executions, instances, previews, processes, recall, suspending
from caseway.platform.compose import Platform
from caseway.platform.executions import Claim, NewExecution
from caseway.platform.previews import PreviewOrder
from caseway.platform.sleeping import wake_due
from caseway.platform.views import get_instance
from caseway_runner import Outcome, Status, Waiting
from chaos.store_builders import (
    ORGANIZATION,
    StandingClock,
    a_repo,
    a_use_case,
    an_instance,
    applied,
    deployed,
)

NAME = "invoice-dev"
PREVIEW = (ORGANIZATION, "acme-automations", "pr-7")


class World:
    """A platform, its clock, and short words for what is done to it."""

    def __init__(self, platform: Platform, clock: StandingClock) -> None:
        self.platform = platform
        self.clock = clock
        self.id = ""

    # executions

    def made(self) -> str:
        deployed(self.platform, a_repo(a_use_case(), an_instance()))
        self.id = executions.create(self.platform, NewExecution(ORGANIZATION, NAME))
        return self.id

    def claimed(self) -> Claim:
        held = executions.claim(self.platform, self.id or self.made(), worker="w1")
        assert held is not None
        return held

    def ended(self, status: Status, **changes: Any) -> None:
        held = self.claimed()
        executions.finish(self.platform, held, replace(Outcome(held.execution_id, status), **changes))

    def asleep(self) -> None:
        until = self.clock().replace(hour=13)
        self.ended(Status.WAITING, waiting=Waiting(until=until))

    def suspended(self) -> None:
        executions.release(self.platform, self.claimed(), status="suspended")

    def lost(self, times: int) -> None:
        for _ in range(times):
            self.claimed()
            self.clock.advance(minutes=1)
            recall.sweep(self.platform)

    def cancelled(self) -> None:
        recall.cancel(self.platform, self.id, actor="ann")

    # previews

    def built(self, **changes: Any) -> None:
        deployed(self.platform, a_repo(a_use_case(), an_instance()))
        order = PreviewOrder("pr-7", a_repo(a_use_case(title="tried", **changes), an_instance()))
        previews.up(self.platform, order, actor="ci")

    def cut(self, boundary: str) -> None:
        """Build a preview and die on the way."""

        def die(name: str) -> None:
            if name == boundary:
                raise KeyboardInterrupt

        whole, self.platform = self.platform, replace(self.platform, on_boundary=die)
        with suppress(KeyboardInterrupt):
            self.built()
        self.platform = whole

    def taken_down(self) -> None:
        previews.down(self.platform, *PREVIEW, actor="ci")

    def aged(self) -> None:
        self.clock.advance(days=4)
        previews.collect(self.platform, ORGANIZATION, actor="ci")

    def stale(self) -> None:
        previews.stale(self.platform, *PREVIEW, error="a file is not readable")


Way = Callable[[World], object]


def then(*steps: Way) -> Way:
    def walk(world: World) -> None:
        for step in steps:
            step(world)

    return walk


def _published(world: World) -> None:
    deployed(world.platform, a_repo(a_use_case(), an_instance()))
    processes.publish(world.platform, ORGANIZATION, "invoice", actor="ann")


def _deprecated(world: World) -> None:
    _published(world)
    processes.deprecate(world.platform, ORGANIZATION, "invoice", "1.0.0", actor="ann")


def _published_again(world: World) -> None:
    _deprecated(world)
    processes.publish(world.platform, ORGANIZATION, "invoice", "1.0.0", actor="ann")


def _deployed(world: World) -> None:
    deployed(world.platform, a_repo(a_use_case(), an_instance()))


def _deployment_fails(world: World) -> None:
    unwell = a_use_case(deployment={"health": {"workflow": "main"}})
    assert not applied(world.platform, a_repo(unwell, an_instance())).is_ok


def _updated(world: World) -> None:
    _deployed(world)
    deployed(world.platform, a_repo(a_use_case(title="changed"), an_instance()))


def _update_fails(world: World) -> None:
    _deployed(world)
    _deployment_fails(world)


def _undeployed(world: World) -> None:
    _deployed(world)
    instances.undeploy(world.platform, ORGANIZATION, NAME, actor="ann")


WAYS: Mapping[str, Mapping[status_watch.Step, Way]] = {
    "template": {
        ("inactive", "published"): _published,
        ("published", "deprecated"): _deprecated,
        ("deprecated", "published"): _published_again,
    },
    "deployment": {
        ("pending", "deploying"): _deployed,
        ("deploying", "deployed"): _deployed,
        ("deploying", "failed"): _deployment_fails,
        ("deployed", "updating"): _updated,
        ("updating", "deployed"): _update_fails,
        ("deployed", "superseded"): _updated,
        ("deployed", "undeploying"): _undeployed,
        ("undeploying", "undeployed"): _undeployed,
    },
    "execution": {
        ("pending", "running"): World.claimed,
        ("pending", "suspended"): lambda world: suspending.suspend(world.platform, world.made(), actor="ann"),
        ("pending", "cancelled"): then(World.made, World.cancelled),
        ("running", "pending"): lambda world: executions.release(world.platform, world.claimed()),
        ("running", "waiting"): World.asleep,
        ("running", "suspended"): World.suspended,
        ("running", "cancelled"): lambda world: world.ended(Status.CANCELLED),
        ("running", "faulted"): lambda world: world.lost(4),
        ("running", "completed"): lambda world: world.ended(Status.COMPLETED),
        ("waiting", "pending"): then(
            World.asleep, lambda world: world.clock.advance(hours=2), lambda world: wake_due(world.platform)
        ),
        ("waiting", "running"): then(World.asleep, World.claimed),
        ("waiting", "suspended"): then(
            World.asleep, lambda world: suspending.suspend(world.platform, world.id, actor="ann")
        ),
        ("waiting", "cancelled"): then(World.asleep, World.cancelled),
        ("suspended", "pending"): then(
            World.suspended, lambda world: recall.resume(world.platform, world.id, actor="ann")
        ),
        ("suspended", "cancelled"): then(World.suspended, World.cancelled),
        ("faulted", "pending"): then(
            lambda world: world.ended(Status.FAULTED),
            lambda world: recall.resume(world.platform, world.id, actor="ann"),
        ),
    },
    "preview": {
        ("requested", "building"): World.built,
        ("requested", "destroyed"): then(lambda world: world.cut("preview:requested"), World.taken_down),
        ("building", "ready"): World.built,
        ("building", "stale"): lambda world: world.built(deployment={"health": {"workflow": "main"}}),
        ("building", "destroyed"): then(lambda world: world.cut("preview:applied"), World.taken_down),
        ("ready", "building"): then(World.built, lambda world: world.built(subtitle="more")),
        ("ready", "stale"): then(World.built, World.stale),
        ("ready", "expired"): then(World.built, World.aged),
        ("ready", "destroyed"): then(World.built, World.taken_down),
        ("stale", "building"): then(World.built, World.stale, World.built),
        ("stale", "expired"): then(World.built, World.stale, World.aged),
        ("stale", "destroyed"): then(World.built, World.stale, World.taken_down),
        ("expired", "destroyed"): then(World.built, World.aged),
    },
}
EVERY = [
    (machine, step) for machine in status_watch.MACHINES for step in sorted(status_watch.listed(machine))
]


@pytest.fixture
def world(platform: Platform, clock: StandingClock) -> World:
    return World(platform, clock)


@pytest.mark.parametrize(("machine", "step"), EVERY, ids=[f"{name}: {a}-{b}" for name, (a, b) in EVERY])
def test_every_step_of_a_table_is_really_taken(world: World, machine: str, step: status_watch.Step) -> None:
    WAYS[machine][step](world)
    assert step in status_watch.steps(world.platform.database, machine)


def test_the_operating_guide_lists_these_steps_and_no_others() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "operating.md").read_text(encoding="utf-8")
    found = set(re.findall(r"`(\w+)` → `(\w+)`", guide))
    assert found == {step for _, step in EVERY}


# What is asked of an execution, and in which states it may be asked; in all others it is refused.

ASKED: Mapping[str, tuple[Callable[[World], object], set[str]]] = {
    "cancel": (World.cancelled, {"pending", "running", "waiting", "suspended"}),
    "suspend": (
        lambda world: suspending.suspend(world.platform, world.id, actor="ann"),
        {"pending", "running", "waiting"},
    ),
    "resume": (
        lambda world: recall.resume(world.platform, world.id, actor="ann"),
        {"pending", "waiting", "suspended", "faulted"},
    ),
    "retry": (
        lambda world: executions.retry(world.platform, world.id, actor="ann"),
        {"completed", "faulted", "cancelled"},
    ),
}
INTO: Mapping[str, Way] = {
    "pending": World.made,
    "running": World.claimed,
    "waiting": World.asleep,
    "suspended": World.suspended,
    "cancelled": then(World.made, World.cancelled),
    "faulted": lambda world: world.ended(Status.FAULTED),
    "completed": lambda world: world.ended(Status.COMPLETED),
}


@pytest.mark.parametrize("state", INTO)
@pytest.mark.parametrize("verb", ASKED)
def test_an_execution_may_be_asked_for_what_its_state_allows(world: World, verb: str, state: str) -> None:
    ask, allowed = ASKED[verb]
    INTO[state](world)
    if state in allowed:
        ask(world)
        return
    with pytest.raises(CasewayError) as refused:
        ask(world)
    assert refused.value.code == "illegal-transition"
    assert executions.get_execution(world.platform, world.id).status == state


def test_every_state_of_an_execution_is_asked() -> None:
    assert set(INTO) == {status.value for status in EXECUTION}


# What is done to an instance, in each of its phases: the phase it is in afterwards, or the error.

ACTIONS: Mapping[str, Callable[..., object]] = {
    "pause": instances.pause,
    "resume": instances.resume,
    "archive": instances.archive,
    "restore": instances.restore,
    "deploy": instances.deploy,
    "undeploy": instances.undeploy,
}
AFTER: Mapping[str, Mapping[str, str]] = {
    "active": {
        "pause": "user_paused",
        "resume": "active",
        "archive": "archived",
        "restore": "active",
        "deploy": "active",
        "undeploy": "user_paused",
    },
    "user_paused": {
        "pause": "user_paused",
        "resume": "active",
        "archive": "archived",
        "restore": "user_paused",
        "deploy": "user_paused",
        "undeploy": "user_paused",
    },
    "missing_integration": {
        "pause": "user_paused",
        "resume": "missing_integration",
        "archive": "archived",
        "restore": "missing_integration",
        "deploy": "missing-integration",
        "undeploy": "missing_integration",  # nothing was deployed
    },
    "deploy_failed": {
        "pause": "user_paused",
        "resume": "deploy_failed",
        "archive": "archived",
        "restore": "deploy_failed",
        "deploy": "unhealthy",
        "undeploy": "deploy_failed",
    },
    "archived": {
        "pause": "illegal-transition",
        "resume": "illegal-transition",
        "archive": "archived",
        "restore": "active",
        "deploy": "illegal-transition",
        "undeploy": "archived",
    },
}


def _in_phase(world: World, phase: str) -> None:
    lacking = phase == "missing_integration"
    body: dict[str, Any] = {"credentials": {"erp": {"type": "bearer", "required": True}}} if lacking else {}
    if phase == "deploy_failed":
        body["deployment"] = {"health": {"workflow": "main"}}
    applied(world.platform, a_repo(a_use_case(**body), an_instance()))
    if phase == "user_paused":
        instances.pause(world.platform, ORGANIZATION, NAME, actor="ann")
    if phase == "archived":
        instances.archive(world.platform, ORGANIZATION, NAME, actor="ann")
    assert get_instance(world.platform, ORGANIZATION, NAME).phase == phase


@pytest.mark.parametrize(("phase", "action"), list(itertools.product(InstancePhase, ACTIONS)))
def test_each_action_leads_each_phase_where_the_table_says(
    world: World, phase: InstancePhase, action: str
) -> None:
    _in_phase(world, phase)
    expected = AFTER[phase][action]
    try:
        ACTIONS[action](world.platform, ORGANIZATION, NAME, actor="ann")
    except CasewayError as error:
        assert error.code == expected
    else:
        assert get_instance(world.platform, ORGANIZATION, NAME).phase == expected


def test_the_operating_guide_says_the_same_of_instances() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "operating.md").read_text(encoding="utf-8")
    for phase, expected in AFTER.items():
        [line] = re.findall(rf"^\| `{phase}` \| (.*) \|$", guide, re.MULTILINE)
        said = [cell.replace(" while it fails", "") for cell in line.split(" | ")]
        errors = {"illegal-transition", "missing-integration", "unhealthy"}
        assert said == ["refused" if expected[name] in errors else expected[name] for name in ACTIONS]
