"""One active stage per process and owner: who runs, who is switched off, and who comes back.

The latest stage that gets something to run in this plan wins; without any, the active one stays; without
that, the latest stage that can run now, before one that waits for a credential. What others installed is
never switched: when it is active, ours waits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from caseway.model.plan import Action, Kind, Verb
from caseway.reconcile.placement import Placement, is_enabled, is_serving
from caseway.reconcile.setting import Setting
from caseway.reconcile.step import Step, Subject, action_id


@dataclass(frozen=True, slots=True)
class Verdict:
    """What sharing means for the instances: actions, and by instance name what its own actions must wait
    for and be warned of. `pauses` are the ids by process, for one that turns exclusive."""

    step: Step = field(default_factory=Step)
    after: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    warnings: Mapping[str, str] = field(default_factory=dict)
    pauses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def share(placements: Iterable[Placement], setting: Setting) -> Verdict:
    """Judge all groups of the same process and owner."""
    actions: list[Action] = []
    blocked: list[str] = []
    after: dict[str, tuple[str, ...]] = {}
    warnings: dict[str, str] = {}
    pauses: dict[str, tuple[str, ...]] = {}
    for (process, owner), group in _groups(placements).items():
        members = [item for item in group if item.owner == owner]
        if not setting.exclusive.get(process, True):
            actions += _side_by_side(process, members)
            continue
        swapped = _swapped(process, owner, group)
        if swapped:
            blocked.append(swapped)
            continue
        found = _judge(_Group(process, owner, members, [i for i in group if i.owner != owner]), setting)
        actions += found.actions
        after.update(found.after)
        warnings.update(found.warnings)
        pauses[process] = (*pauses.get(process, ()), *found.before)
    return Verdict(Step(tuple(actions), tuple(blocked)), after, warnings, pauses)


@dataclass(frozen=True, slots=True)
class _Group:
    """The instances of one process and owner after the plan, and those that go to another owner."""

    process: str
    owner: str
    members: Sequence[Placement]
    gone: Sequence[Placement]


@dataclass(frozen=True, slots=True)
class _Judged:
    """The verdict on one group; `before` are the ids of all that takes other stages out of service."""

    actions: tuple[Action, ...] = ()
    before: tuple[str, ...] = ()
    after: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    warnings: Mapping[str, str] = field(default_factory=dict)


def _groups(placements: Iterable[Placement]) -> Mapping[tuple[str, str], list[Placement]]:
    """The groups in which there is something to judge."""
    groups: dict[tuple[str, str], list[Placement]] = {}
    for item in placements:
        groups.setdefault((item.process, item.owner), []).append(item)
        if item.now is not None and item.now.owner != item.owner:
            groups.setdefault((item.process, item.now.owner), []).append(item)
    return {
        key: group
        for key, group in groups.items()
        if len(group) > 1 or (group[0].now is not None and group[0].now.auto_paused_by)
    }


def _side_by_side(process: str, members: Iterable[Placement]) -> Iterator[Action]:
    for item in members:
        if item.is_on and item.is_ours and _paused_by(item):
            update = action_id(Verb.UPDATE, Kind.PROCESS, process)
            yield _resume(item, "stages may run side by side", (update,))


def _swapped(process: str, owner: str, group: Sequence[Placement]) -> str:
    """One group may not both lose and gain a running instance at once: no order keeps one stage active."""
    moved = [item for item in group if item.now is not None and item.now.owner != item.owner]
    gone = [item.name for item in moved if item.owner != owner and item.was_active]
    came = [item.name for item in moved if item.owner == owner and item.is_on]
    if not (gone and came):
        return ""
    return (
        f"process '{process}': {', '.join(sorted(gone))} leaves owner '{owner}' while "
        f"{', '.join(sorted(came))} comes; change the owners in two steps"
    )


def _judge(group: _Group, setting: Setting) -> _Judged:
    holders = [item for item in group.members if item.is_on and (item.is_serving or item.is_waiting)]
    winner = _winner(holders, setting)
    leaving = [item for item in (*group.members, *group.gone) if _leaves(item, winner, group.owner)]
    if not winner:
        return _Judged(before=tuple(item.leaves_by or _id(Verb.UPDATE, item) for item in leaving))
    winners = [item for item in holders if item.stage == winner and item.is_ours]
    losers = [item for item in holders if item.stage != winner and item.is_ours]
    starting = [item for item in winners if _claims(item) or _paused_by(item)]
    # One that waits for a credential runs nothing: when that comes, it takes its turn.
    actions = [_pause(item, winner, winners) for item in losers if item.is_serving and not _paused_by(item)]
    actions += [_pause(item, winner, winners) for item in leaving if _is_pruned(item)]
    before = (*(action.id for action in actions), *(_goodbye(item) for item in leaving))
    after: dict[str, tuple[str, ...]] = {item.name: (_id(Verb.PAUSE, item),) for item in losers}
    for item in starting:
        after[item.name] = before
        if _paused_by(item):
            # Another owner first, then the switch: resumed too early it would run beside what it leaves.
            updated = _id(Verb.UPDATE, item)
            actions.append(_resume(item, f"{item.stage} is active again", (*before, updated)))
    return _Judged(tuple(actions), before, after, dict(_warnings(winner, starting, losers)))


def _winner(holders: Sequence[Placement], setting: Setting) -> str:
    """The stage that is active after the plan, "" when none can be."""
    ours = [item for item in holders if item.is_ours]
    for some in (
        [item for item in holders if not item.is_ours and item.was_active],
        [item for item in ours if _claims(item)],
        [item for item in ours if item.was_active],
        [item for item in ours if item.is_serving],
        ours,
    ):
        if some:
            return max((setting.rank(item.stage), item.stage) for item in some)[1]
    return ""


def _claims(item: Placement) -> bool:
    """True when the plan gives it something to run: a deployment other than a repair, or leave to run."""
    if item.move is not None and item.move.verb is not Verb.REPAIR:
        return item.is_ours
    was = item.now
    if was is None or not is_serving(was) or not item.is_ours:
        return False
    return was.owner != item.owner or not is_enabled(was.desired)


def _leaves(item: Placement, winner: str, owner: str) -> bool:
    """True when it runs for this owner in another stage now, and not after the plan."""
    if not item.was_active or item.now is None or item.now.owner != owner or item.stage == winner:
        return False
    return not item.is_on or item.owner != owner


def _is_pruned(item: Placement) -> bool:
    return bool(item.leaves_by) and item.leaves_by != _id(Verb.PAUSE, item)


def _goodbye(item: Placement) -> str:
    return _id(Verb.PAUSE if item.leaves_by else Verb.UPDATE, item)


def _paused_by(item: Placement) -> str:
    return item.now.auto_paused_by if item.now is not None else ""


def _pause(item: Placement, winner: str, winners: Sequence[Placement]) -> Action:
    names = ", ".join(sorted(other.name for other in winners))
    reason = f"{winner} is active: {names}" if names else f"{winner} is active"
    payload = {"by": winner, "process": item.process}
    created = _id(Verb.CREATE, item)
    return Subject(Kind.INSTANCE, item.name).to(Verb.PAUSE, reason, payload, after=(created,))


def _resume(item: Placement, reason: str, after: tuple[str, ...]) -> Action:
    payload = {"by": "", "process": item.process}
    return Subject(Kind.INSTANCE, item.name).to(Verb.RESUME, reason, payload, after=after)


def _warnings(
    winner: str, starting: Sequence[Placement], losers: Sequence[Placement]
) -> Iterator[tuple[str, str]]:
    switched_off = sorted({item.stage for item in losers if item.was_active})
    if switched_off:
        yield from ((item.name, f"deactivates {', '.join(switched_off)}") for item in starting)
    yield from ((item.name, f"stays paused: {winner} is active") for item in losers)


def _id(verb: Verb, item: Placement) -> str:
    return action_id(verb, Kind.INSTANCE, item.name)
