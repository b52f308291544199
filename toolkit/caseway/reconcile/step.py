"""What one step of planning finds: actions, and what the reader must or should know. Steps add up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from caseway.model.canonical import JsonObject
from caseway.model.plan import Action, Change, Kind, Verb


@dataclass(frozen=True, slots=True)
class Step:
    """Actions with findings that forbid applying (`blocked`) and that inform (`notices`)."""

    actions: tuple[Action, ...] = ()
    blocked: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()


def total(steps: Iterable[Step]) -> Step:
    """All steps as one, in their order."""
    actions: list[Action] = []
    blocked: list[str] = []
    notices: list[str] = []
    for step in steps:
        actions += step.actions
        blocked += step.blocked
        notices += step.notices
    return Step(tuple(actions), tuple(blocked), tuple(notices))


def action_id(verb: Verb, kind: Kind, name: str) -> str:
    """`<verb>-<kind>:<name>`: the stable id of an action."""
    return f"{verb.value}-{kind.value}:{name}"


def template_name(process: str, version: str) -> str:
    """`<process>@<version>`: the name of a template's actions."""
    return f"{process}@{version}"


@dataclass(frozen=True, slots=True)
class Subject:
    """What an action is about, from which actions are made."""

    kind: Kind
    name: str

    def to(
        self,
        verb: Verb,
        reason: str,
        payload: JsonObject,
        *,
        changes: tuple[Change, ...] = (),
        after: Iterable[str] = (),
        warning: str = "",
    ) -> Action:
        """The action that does `verb`, after the actions with the ids in `after` (if the plan has them)."""
        return Action(
            id=action_id(verb, self.kind, self.name),
            verb=verb,
            kind=self.kind,
            name=self.name,
            reason=reason,
            changes=changes,
            depends_on=tuple(after),
            payload=payload,
            warning=warning,
        )
