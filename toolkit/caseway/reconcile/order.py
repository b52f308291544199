"""In which order actions run: what others need comes first, what takes things away comes last.

1. Every action comes after those it depends on.
2. Otherwise: connections, runtimes, processes, templates, publishing, instances, pausing, deployments,
   pruning.
3. Within one of these, by name, then by id: the order is total, whatever order the actions came in.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import replace

from caseway.model.plan import Action, Kind, Verb

_SEQUENCE: tuple[tuple[Kind, tuple[Verb, ...]], ...] = (
    (Kind.CONNECTION, (Verb.PUT,)),
    (Kind.RUNTIME, (Verb.PUT, Verb.BUILD)),
    (Kind.PROCESS, (Verb.CREATE, Verb.UPDATE, Verb.RESTORE)),
    (Kind.TEMPLATE, (Verb.CREATE,)),
    (Kind.TEMPLATE, (Verb.PUBLISH,)),
    (Kind.TEMPLATE, (Verb.DEPRECATE,)),
    (Kind.INSTANCE, (Verb.CREATE, Verb.UPDATE, Verb.RESTORE)),
    (Kind.INSTANCE, (Verb.PAUSE,)),
    (Kind.INSTANCE, (Verb.RESUME,)),
    (Kind.DEPLOYMENT, (Verb.DEPLOY, Verb.UPDATE, Verb.REPAIR)),
    (Kind.DEPLOYMENT, (Verb.UNDEPLOY,)),
    (Kind.INSTANCE, (Verb.ARCHIVE, Verb.DELETE)),
    (Kind.PROCESS, (Verb.ARCHIVE, Verb.DELETE)),
    (Kind.CONNECTION, (Verb.DELETE,)),
    (Kind.RUNTIME, (Verb.DELETE,)),
)
_RANK = {(kind, verb): rank for rank, (kind, verbs) in enumerate(_SEQUENCE) for verb in verbs}


def order(actions: Iterable[Action]) -> tuple[Action, ...]:
    """The actions in the order to run them, each depending only on actions that are there.

    Raises `ValueError` for a circle: the planner made a mistake."""
    there = {action.id: action for action in actions}
    waiting = {
        name: {other for other in action.depends_on if other in there} for name, action in there.items()
    }
    freed_by: dict[str, list[str]] = {}
    for name, others in waiting.items():
        for other in others:
            freed_by.setdefault(other, []).append(name)
    ready = [_key(there[name]) for name, others in waiting.items() if not others]
    heapq.heapify(ready)
    result: list[Action] = []
    while ready:
        action = there[heapq.heappop(ready)[-1]]
        needs = tuple(sorted({name for name in action.depends_on if name in there}))
        result.append(action if needs == action.depends_on else replace(action, depends_on=needs))
        for name in freed_by.get(action.id, ()):
            waiting[name].discard(action.id)
            if not waiting[name]:
                heapq.heappush(ready, _key(there[name]))
    if len(result) != len(there):
        circle = sorted(there.keys() - {action.id for action in result})
        raise ValueError(f"actions depend on each other in a circle: {', '.join(circle)}")
    return tuple(result)


def _key(action: Action) -> tuple[int, str, str]:
    return _RANK[action.kind, action.verb], action.name, action.id
