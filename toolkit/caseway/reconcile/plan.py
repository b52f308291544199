"""The plan: from what the repo says and what the platform holds, the actions between them. Pure, and the top
function is the whole story."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from caseway.model.desired import Desired, Follows
from caseway.model.engine_facts import EngineFacts
from caseway.model.plan import Action, Kind, Plan
from caseway.model.snapshot import Snapshot
from caseway.reconcile.deployments import deployment_step, unanswered
from caseway.reconcile.exclusive import Verdict, share
from caseway.reconcile.instances import bystander, declared, follower, instance_step
from caseway.reconcile.order import order
from caseway.reconcile.placement import Placement, is_enabled
from caseway.reconcile.promote import Pin, promote
from caseway.reconcile.prune import guard, leaves_by, left_alone, orphans, prune_step
from caseway.reconcile.ranges import is_exact
from caseway.reconcile.resources import put_resources
from caseway.reconcile.rollout import staged
from caseway.reconcile.setting import Setting, setting
from caseway.reconcile.shelf import Shelf, shelves
from caseway.reconcile.step import Step, total
from caseway.reconcile.succession import successors
from caseway.reconcile.summary import summarise


def plan(
    desired: Desired,
    actual: Snapshot,
    *,
    stage: str = "",
    prune: bool = False,
    allow_mass_delete: bool = False,
    engine: EngineFacts | None = None,
) -> Plan:
    """The ordered actions that turn `actual` into `desired`; the same arguments give the same plan.

    With `stage`, only instances of that stage are planned for, and where it runs published templates, what
    the repo holds gets published. `engine` is what the engine for containers says of itself. Raises
    `CasewayError` (`unknown-stage`) for a stage that is none.
    """
    facts = engine or EngineFacts()
    resources = put_resources(desired, actual, facts)
    made = shelves(desired, actual)
    scene = setting(desired, actual, made, resources.actions, stage, facts)
    promoted, promotions = _promote(desired, actual, scene)
    scene = replace(scene, shelves=promoted)
    found, pruning = _prune(desired, actual, scene, prune=prune, allow=allow_mass_delete)
    placements, findings = _place(desired, actual, scene, found)
    placements, held_back = staged(placements, scene)
    verdict = share(placements, scene)
    steps = total(
        (
            resources,
            *(_process_step(shelf, verdict) for shelf in made.values()),
            *promotions,
            *_instance_steps(desired, placements, verdict, scene),
            *findings,
            held_back,
            verdict.step,
            pruning,
        )
    )
    actions = order(steps.actions)
    return Plan(
        project=desired.project,
        organization=desired.organization,
        revision=actual.revision,
        source=desired.source,
        summary=summarise(desired, actions, _new_resources(desired, actual)),
        actions=actions,
        blocked=tuple(dict.fromkeys(steps.blocked)),
        notices=(*steps.notices, *unanswered(desired, actions, facts)),
    )


def _promote(desired: Desired, actual: Snapshot, scene: Setting) -> tuple[Mapping[str, Shelf], list[Step]]:
    """The shelves with the templates published that declared instances ask for."""
    pins: dict[str, list[Pin]] = {}
    asking: set[str] = set()
    for item in desired.instances:
        is_theirs = scene.stages.get(item.stage) is Follows.PUBLISHED and scene.includes(item.stage)
        if not is_theirs or item.archived or not item.enabled:
            continue
        asking.add(item.use_case)
        if is_exact(item.version):
            now = actual.instances.get(item.name)
            serving = now.current.template_digest if now and now.current else ""
            pins.setdefault(item.use_case, []).append(Pin(item.version, serving))
    promoted, steps = dict(scene.shelves), []
    for name in sorted(asking & scene.shelves.keys()):
        publish = bool(scene.scope)
        promoted[name], step = promote(scene.shelves[name], pins.get(name, ()), publish_current=publish)
        steps.append(step)
    return promoted, steps


def _place(
    desired: Desired, actual: Snapshot, scene: Setting, pruned: Mapping[str, str]
) -> tuple[list[Placement], list[Step]]:
    """Every instance of the organization as the plan leaves it."""
    placements: dict[str, Placement] = {}
    steps = []
    for item in desired.instances:
        if scene.includes(item.stage):
            placement, step = declared(item, actual.instances.get(item.name), scene)
            steps.append(step)
            if placement is not None:
                placements[item.name] = placement
    for name, now in actual.instances.items():
        if name in placements:
            continue
        if scene.is_ours(now):
            placements[name] = replace(bystander(now, scene), leaves_by=pruned.get(name, ""))
        else:
            placements[name], step = follower(now, scene)
            steps.append(step)
    return list(placements.values()), steps


def _prune(
    desired: Desired, actual: Snapshot, scene: Setting, *, prune: bool, allow: bool
) -> tuple[Mapping[str, str], Step]:
    """What takes each orphan away, and the actions for it; only notices when nothing may be pruned."""
    found = orphans(desired, actual, scene)
    if not prune or not desired.complete:
        notices = tuple(left_alone(found, desired.prune, is_complete=desired.complete))
        return {}, Step(notices=notices)
    step = prune_step(found, desired.prune)
    refused = guard(found, desired, actual, allow=allow)
    return leaves_by(found, desired.prune), replace(step, blocked=(refused,) if refused else ())


def _process_step(shelf: Shelf, verdict: Verdict) -> Step:
    """The shelf's own actions; a process turns exclusive only after the stages that lose are paused."""
    pauses = verdict.pauses.get(shelf.use_case.name, ())
    if not pauses:
        return shelf.step
    return replace(shelf.step, actions=tuple(_after_pauses(shelf.step.actions, pauses)))


def _after_pauses(actions: Iterable[Action], pauses: tuple[str, ...]) -> Iterable[Action]:
    for action in actions:
        turns = any(change.path == "/exclusive" and change.after for change in action.changes)
        yield replace(action, depends_on=pauses) if action.kind is Kind.PROCESS and turns else action


def _instance_steps(
    desired: Desired, placements: Sequence[Placement], verdict: Verdict, scene: Setting
) -> Iterable[Step]:
    by_hand = {item.name: item.declared for item in desired.instances}
    succeeding = successors(placements, scene)
    for item in placements:
        if item.changes or item.now is None:
            wakes = item.now is not None and item.is_on and _sleeps_or_moves(item)
            after = verdict.after.get(item.name, ()) if wakes else ()
            yield instance_step(item, by_hand[item.name], (*after, *succeeding.get(item.name, ())))
        yield deployment_step(item, verdict, scene)


def _sleeps_or_moves(item: Placement) -> bool:
    assert item.now is not None
    return not is_enabled(item.now.desired) or item.now.owner != item.owner


def _new_resources(desired: Desired, actual: Snapshot) -> frozenset[tuple[Kind, str]]:
    return frozenset(
        (
            *((Kind.RUNTIME, item.name) for item in desired.runtimes if item.name not in actual.runtimes),
            *(
                (Kind.CONNECTION, item.name)
                for item in desired.connections
                if item.name not in actual.connections
            ),
        )
    )
