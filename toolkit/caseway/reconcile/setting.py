"""What every instance is judged against: the stages in order, the shelves, the digests, the credentials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from caseway.model.desired import Desired, Follows
from caseway.model.engine_facts import EngineFacts
from caseway.model.errors import CasewayError
from caseway.model.plan import Action, Verb
from caseway.model.snapshot import Instance, Snapshot
from caseway.reconcile.resources import Digests, digests_after
from caseway.reconcile.shelf import Shelf


@dataclass(frozen=True, slots=True)
class Setting:
    """`scope` is the one stage to plan for, "" for all; `changed` are the ids of the actions that change
    runtimes and connections; `stored` are the names of stored credentials, `logins` those that connections
    need, by connection; `engine` is what the engine for containers says, `runtimes` the names of the runtimes
    that have or get an image."""

    project: str
    scope: str
    stages: Mapping[str, Follows]
    shelves: Mapping[str, Shelf]
    exclusive: Mapping[str, bool]
    digests: Digests
    changed: frozenset[str]
    stored: frozenset[str]
    ignore: tuple[str, ...]
    logins: Mapping[str, str] = field(default_factory=dict)
    engine: EngineFacts = field(default_factory=EngineFacts)
    runtimes: frozenset[str] = frozenset()

    def includes(self, stage: str) -> bool:
        """True when instances of that stage are planned for."""
        return self.scope in {"", stage}

    def rank(self, stage: str) -> int:
        """The place of a stage in the project's order; -1 for a stage it does not name."""
        return list(self.stages).index(stage) if stage in self.stages else -1

    def is_ours(self, instance: Instance) -> bool:
        """True when this project declared it: what a user or another project installed is theirs."""
        return instance.project == self.project and bool(instance.applied)

    def ignored(self, name: str) -> tuple[str, ...]:
        """The pointers that hands may change in the instance of that name."""
        entries = (entry.partition(":") for entry in self.ignore)
        return tuple(pointer for glob, _, pointer in entries if fnmatchcase(name, glob))


def setting(
    desired: Desired,
    actual: Snapshot,
    shelves: Mapping[str, Shelf],
    puts: Sequence[Action],
    scope: str,
    engine: EngineFacts,
) -> Setting:
    """The setting of one planning; raises `CasewayError` (`unknown-stage`) for a scope that is no stage."""
    stages = {stage.name: stage.follows for stage in desired.stages}
    if scope and scope not in stages:
        raise CasewayError(
            f"there is no stage '{scope}'",
            code="unknown-stage",
            place=scope,
            hint=f"the project's stages are: {', '.join(stages) or 'none'}",
        )
    return Setting(
        project=desired.project,
        scope=scope,
        stages=stages,
        shelves=shelves,
        exclusive={
            **{name: process.exclusive for name, process in actual.processes.items()},
            **{use_case.name: use_case.exclusive for use_case in desired.use_cases},
        },
        digests=digests_after(desired, actual),
        changed=frozenset(action.id for action in puts),
        stored=frozenset(entry.partition("/")[2] or entry for entry in actual.credentials),
        ignore=desired.ignore,
        logins={
            item.name: str(item.body["credential"])
            for item in desired.connections
            if item.body.get("credential")
        },
        engine=engine,
        runtimes=frozenset(
            (
                *(name for name, item in actual.runtimes.items() if item.built),
                *(action.name for action in puts if action.verb is Verb.BUILD),
            )
        ),
    )
