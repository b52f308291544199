"""Which rule makes a change breaking, additive or neither. Each has a stable id and says it in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from caseway.reconcile.contract import Contract, Credential, Trigger, Workflow, mapping
from caseway.reconcile.narrowing import Difference, Effect, compare


class Bump(StrEnum):
    """Which part of the version moves; `first` and `explicit` when nothing is compared."""

    MAJOR = "major"
    MINOR = "minor"
    PATCH = "patch"
    FIRST = "first"
    EXPLICIT = "explicit"


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule that fired: its id in `RULES`, and the words with the names filled in."""

    rule: str
    words: str

    @property
    def bump(self) -> Bump:
        """What the rule asks for."""
        return RULES[self.rule]


RULES: Mapping[str, Bump] = {
    "workflow-removed": Bump.MAJOR,
    "trigger-removed": Bump.MAJOR,
    "trigger-changed": Bump.MAJOR,
    "output-removed": Bump.MAJOR,
    "output-changed": Bump.MAJOR,
    "response-removed": Bump.MAJOR,
    "input-schema-narrowed": Bump.MAJOR,
    "input-schema-changed": Bump.MAJOR,
    "parameter-removed": Bump.MAJOR,
    "parameter-required": Bump.MAJOR,
    "parameter-narrowed": Bump.MAJOR,
    "credential-required": Bump.MAJOR,
    "credential-changed": Bump.MAJOR,
    "workflow-added": Bump.MINOR,
    "trigger-added": Bump.MINOR,
    "output-added": Bump.MINOR,
    "response-added": Bump.MINOR,
    "input-schema-widened": Bump.MINOR,
    "parameter-added": Bump.MINOR,
    "parameter-widened": Bump.MINOR,
    "credential-added": Bump.MINOR,
    "connection-added": Bump.MINOR,
    "content-changed": Bump.PATCH,
}
"""Every rule, most severe first; the order also breaks ties."""

_RANK = {rule: rank for rank, rule in enumerate(RULES)}


def findings(old: Contract, new: Contract) -> tuple[Finding, ...]:
    """The rules that fired between two contracts, most severe first; at least `content-changed`."""
    found = sorted(set(_all(old, new)), key=lambda item: (_RANK[item.rule], item.words))
    return tuple(found) or (Finding("content-changed", "content changed, contract kept"),)


def _all(old: Contract, new: Contract) -> Iterator[Finding]:
    for name in old.workflows.keys() - new.workflows.keys():
        yield Finding("workflow-removed", f"workflow '{name}' removed")
    for name in new.workflows.keys() - old.workflows.keys():
        yield Finding("workflow-added", f"workflow '{name}' added")
    for name in old.workflows.keys() & new.workflows.keys():
        yield from _workflow(old.workflows[name], new.workflows[name])
    yield from _parameters(old.parameters, new.parameters)
    yield from _credentials(old.credentials, new.credentials)
    for name in new.connections - old.connections:
        yield Finding("connection-added", f"connection '{name}' added")


def _workflow(old: Workflow, new: Workflow) -> Iterator[Finding]:
    of = f"of workflow '{old.id}'"
    for name in old.triggers.keys() - new.triggers.keys():
        yield Finding("trigger-removed", f"trigger '{name}' {of} removed")
    for name in new.triggers.keys() - old.triggers.keys():
        yield Finding("trigger-added", f"trigger '{name}' {of} added")
    for name in old.triggers.keys() & new.triggers.keys():
        changed = _trigger_breaks(old.triggers[name], new.triggers[name])
        if changed:
            yield Finding("trigger-changed", f"trigger '{name}' {of} changed its {changed}")
        yield from _trigger_inputs(old.triggers[name], new.triggers[name], of)
    if old.response != new.response:
        rule, words = (
            ("response-added", "now answers with its output")
            if new.response == "sync"
            else ("response-removed", "no longer answers with its output")
        )
        yield Finding(rule, f"workflow '{old.id}' {words}")
    yield from _inputs(old, new)
    yield from _outputs(old, new)


def _trigger_breaks(old: Trigger, new: Trigger) -> str:
    """What a caller must change, in words; "" when nothing. Opening a trigger to all breaks nobody."""
    changed = [name for name in ("type", "path") if getattr(old, name) != getattr(new, name)]
    if old.methods - new.methods:
        changed.append("method")
    if new.auth != "none" and (old.auth, old.verify) != (new.auth, new.verify):
        changed.append("authentication")
    if old.response != new.response:
        changed.append("response")
    return ", ".join(changed)


def _trigger_inputs(old: Trigger, new: Trigger, of: str) -> Iterator[Finding]:
    for item in compare(_or_any(old.input), _or_any(new.input)):
        yield Finding(_INPUT_RULES[item.effect], f"input of trigger '{old.id}' {of}: {_sentence(item)}")


_INPUT_RULES = {
    Effect.NARROWED: "input-schema-narrowed",
    Effect.UNKNOWN: "input-schema-changed",
    Effect.WIDENED: "input-schema-widened",
}
_PARAMETER_RULES = {
    Effect.NARROWED: "parameter-narrowed",
    Effect.UNKNOWN: "parameter-narrowed",
    Effect.WIDENED: "parameter-widened",
}


def _inputs(old: Workflow, new: Workflow) -> Iterator[Finding]:
    for item in compare(_or_any(old.input), _or_any(new.input)):
        yield Finding(_INPUT_RULES[item.effect], f"input of workflow '{old.id}': {_sentence(item)}")


def _outputs(old: Workflow, new: Workflow) -> Iterator[Finding]:
    before, after = _properties(old.output), _properties(new.output)
    of = f"of workflow '{old.id}'"
    for name in before.keys() - after.keys():
        yield Finding("output-removed", f"output '{name}' {of} removed")
    for name in after.keys() - before.keys():
        yield Finding("output-added", f"output '{name}' {of} added")
    for name in before.keys() & after.keys():
        # Readers break when a value may be what it could not be before: narrowing, seen from the new side.
        if any("type" in item.words for item in compare(after[name], before[name]) if _is_narrower(item)):
            yield Finding("output-changed", f"output '{name}' {of} changed its type")


def _parameters(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Finding]:
    before, after = _properties(old), _properties(new)
    needed_before, needed_after = _needed(old), _needed(new)
    for name in before.keys() - after.keys():
        yield Finding("parameter-removed", f"parameter '{name}' removed")
    for name in needed_after - needed_before:
        yield Finding("parameter-required", f"parameter '{name}' is now required")
    for name in after.keys() - before.keys() - needed_after:
        yield Finding("parameter-added", f"parameter '{name}' added")
    for name in before.keys() & after.keys():
        for item in compare(before[name], after[name]):
            yield Finding(_PARAMETER_RULES[item.effect], f"parameter '{name}': {_sentence(item)}")
    for item in compare(_rest(old), _rest(new)):
        yield Finding(_PARAMETER_RULES[item.effect], f"parameters: {_sentence(item)}")


def _credentials(old: Mapping[str, Credential], new: Mapping[str, Credential]) -> Iterator[Finding]:
    for name, after in new.items():
        before = old.get(name)
        if after.required and (before is None or not before.required):
            yield Finding("credential-required", f"credential '{name}' is now required")
        elif before is None:
            yield Finding("credential-added", f"credential '{name}' added")
        elif (before.type, before.scope) != (after.type, after.scope):
            yield Finding("credential-changed", f"credential '{name}' changed its type or scope")


def _or_any(schema: Mapping[str, Any] | None) -> Mapping[str, Any] | bool:
    return True if schema is None else schema


def _properties(schema: Mapping[str, Any] | None) -> Mapping[str, Any]:
    return mapping(mapping(schema).get("properties"))


def _needed(schema: Mapping[str, Any]) -> set[str]:
    """What an installer must give: required, and without a default."""
    properties = _properties(schema)
    return {name for name in schema.get("required", ()) if "default" not in mapping(properties.get(name))}


def _rest(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    return {key: value for key, value in schema.items() if key not in {"properties", "required"}}


def _is_narrower(item: Difference) -> bool:
    return item.effect is Effect.NARROWED


def _sentence(item: Difference) -> str:
    return f"'{item.place}' {item.words}" if item.place else item.words
