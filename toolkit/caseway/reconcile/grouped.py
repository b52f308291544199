"""A plan's actions as a reader wants them: by use case, in the order they run, each with its symbol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from caseway.model.plan import Action, Kind, Plan, Verb

SYMBOLS: Mapping[Verb, str] = {
    Verb.CREATE: "+",
    Verb.PUT: "+",
    Verb.BUILD: "+",
    Verb.UPDATE: "~",
    Verb.DELETE: "-",
    Verb.ARCHIVE: "-",
    Verb.UNDEPLOY: "-",
    Verb.DEPRECATE: "-",
    Verb.PAUSE: "⏸",
    Verb.RESUME: "▶",
    Verb.RESTORE: "↻",
    Verb.REPAIR: "↻",
    Verb.DEPLOY: "▲",
    Verb.PUBLISH: "▲",
}
DESTRUCTIVE = frozenset((Verb.DELETE, Verb.ARCHIVE, Verb.UNDEPLOY))
SHARED = "connections and runtimes"


@dataclass(frozen=True, slots=True)
class Group:
    """The actions on one use case, or on what all share."""

    title: str
    actions: tuple[Action, ...]


def symbol(action: Action) -> str:
    """One character: what happens."""
    if action.kind is Kind.DEPLOYMENT and action.verb is Verb.UPDATE:
        return "↻"
    if action.verb is Verb.PUT and any(change.before is not None for change in action.changes):
        return "~"
    return SYMBOLS[action.verb]


def grouped(plan: Plan) -> tuple[Group, ...]:
    """What is shared first, then use case by use case in alphabetical order."""
    groups: dict[str, list[Action]] = {}
    for action in plan.actions:
        groups.setdefault(_process(action), []).append(action)
    return tuple(Group(name or SHARED, tuple(groups[name])) for name in sorted(groups))


def subject(action: Action) -> str:
    """The name to show: of a template only its version, for the use case stands above it."""
    return action.name.rpartition("@")[2] if action.kind is Kind.TEMPLATE else action.name


def label(action: Action) -> str:
    """The kind, for the symbol tells the verb; with the verb where the kind would not say enough."""
    match action.kind, action.verb:
        case Kind.DEPLOYMENT, Verb.UPDATE:
            return "redeploy"
        case (Kind.DEPLOYMENT, _) | (_, Verb.PAUSE | Verb.RESUME | Verb.PUBLISH | Verb.DEPRECATE):
            return action.verb.value
        case _, (Verb.ARCHIVE | Verb.DELETE):
            return f"{action.verb} {action.kind}"
        case _:
            return action.kind.value


def note(action: Action) -> str:
    """What stands behind the name: how a version came about, where an instance is, what gets deployed."""
    match action.kind, action.verb:
        case Kind.TEMPLATE, Verb.CREATE:
            before = action.payload.get("from")
            return f"({action.reason}) from {before}" if before else f"({action.reason})"
        case Kind.INSTANCE, Verb.CREATE:
            return f"{action.payload.get('stage')}, owner {action.payload.get('owner')}; {action.reason}"
        case Kind.DEPLOYMENT, (Verb.DEPLOY | Verb.UPDATE | Verb.REPAIR):
            return f"{_versions(action)}, {action.reason}"
        case _:
            return action.reason


def _versions(action: Action) -> str:
    after = action.payload.get("version")
    before = next((change.before for change in action.changes if change.path == "/version"), None)
    return f"{before} → {after}" if before else str(after)


def counts(plan: Plan) -> str:
    """`3 to create, 1 to update, 0 to delete, 12 unchanged`."""
    summary = plan.summary
    return (
        f"{summary.create} to create, {summary.update} to update, "
        f"{summary.delete} to delete, {summary.unchanged} unchanged"
    )


def origin(plan: Plan) -> str:
    """From where the desired state was read: `commit 3f2a91c08d11 with uncommitted changes`."""
    if not plan.source.commit:
        return "the work tree"
    return f"commit {plan.source.commit[:12]}" + (" with uncommitted changes" if plan.source.dirty else "")


def _process(action: Action) -> str:
    match action.kind:
        case Kind.CONNECTION | Kind.RUNTIME:
            return ""
        case Kind.PROCESS:
            return action.name
        case _:
            return str(action.payload.get("process", action.name.rpartition("@")[0] or action.name))
