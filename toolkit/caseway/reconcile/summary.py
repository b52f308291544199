"""How many things a plan creates, updates, deletes and leaves alone."""

from __future__ import annotations

from collections.abc import Sequence

from caseway.model.desired import Desired
from caseway.model.plan import Action, Kind, Summary, Verb

_CREATES = frozenset((Verb.CREATE,))
_DELETES = frozenset((Verb.DELETE, Verb.ARCHIVE))


def summarise(desired: Desired, actions: Sequence[Action], new: frozenset[tuple[Kind, str]]) -> Summary:
    """Counts of processes, templates, instances, runtimes and connections, each once. `new` are the runtimes
    and connections that are put for the first time."""
    touched: dict[tuple[Kind, str], str] = {}
    for action in actions:
        kind = Kind.INSTANCE if action.kind is Kind.DEPLOYMENT else action.kind
        key = kind, action.name
        if action.verb in _DELETES:
            touched[key] = "delete"
        elif (action.verb in _CREATES and action.kind is not Kind.DEPLOYMENT) or key in new:
            touched[key] = "create"
        else:
            touched.setdefault(key, "update")
    counts = {name: sum(what == name for what in touched.values()) for name in ("create", "update", "delete")}
    there = _declared(desired)
    return Summary(**counts, unchanged=len(there - touched.keys()))


def _declared(desired: Desired) -> set[tuple[Kind, str]]:
    return {
        *((Kind.PROCESS, item.name) for item in desired.use_cases),
        *((Kind.INSTANCE, item.name) for item in desired.instances),
        *((Kind.RUNTIME, item.name) for item in desired.runtimes),
        *((Kind.CONNECTION, item.name) for item in desired.connections),
    }
