"""Plans as JSON: the public form without payloads, and the file form that apply takes back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from caseway.model.canonical import JsonObject, digest
from caseway.model.desired import Source
from caseway.model.errors import CasewayError
from caseway.model.plan import Action, Change, Kind, Plan, Summary, Verb

FORMAT = "1"
_KIND = "caseway-plan"


def as_json(plan: Plan) -> JsonObject:
    """The plan as DESIGN section 8 has it: what a program may rely on, nothing secret, no payloads."""
    return {
        "formatVersion": FORMAT,
        "revision": plan.revision,
        "source": {"commit": plan.source.commit, "dirty": plan.source.dirty},
        "summary": _summary(plan.summary),
        "actions": [_public(action) for action in plan.actions],
    }


def to_file(plan: Plan) -> str:
    """The text of a plan file: everything apply needs, with a digest over it."""
    content = as_whole(plan)
    return json.dumps(
        {"formatVersion": FORMAT, "kind": _KIND, "digest": digest(content), "plan": content},
        indent=1,
        ensure_ascii=False,
    )


def from_file(text: str) -> Plan:
    """The plan that `to_file` wrote.

    Raises `CasewayError`: `plan-file-invalid` when it is no plan file, `plan-file-version` when another
    Caseway wrote it, `plan-file-changed` when it is not as it was written."""
    envelope = _envelope(text)
    if envelope.get("formatVersion") != FORMAT:
        raise CasewayError(
            f"the plan file has format {envelope.get('formatVersion')!r}; this Caseway reads '{FORMAT}'",
            code="plan-file-version",
            hint="plan again with this version of Caseway",
        )
    content = envelope.get("plan")
    if not isinstance(content, dict) or envelope.get("digest") != _digest(content):
        raise CasewayError(
            "the plan file was changed after it was written",
            code="plan-file-changed",
            hint="plan again; a plan file is not to be edited",
        )
    try:
        return of_whole(content)
    except (KeyError, TypeError, ValueError) as error:
        raise _invalid() from error


def _envelope(text: str) -> Mapping[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _invalid() from error
    if not isinstance(value, dict) or value.get("kind") != _KIND:
        raise _invalid()
    return value


def _digest(content: JsonObject) -> str:
    try:
        return digest(content)
    except (ValueError, RecursionError):
        return ""


def _invalid() -> CasewayError:
    return CasewayError(
        "this is not a plan file", code="plan-file-invalid", hint="write one with `caseway plan --out FILE`"
    )


def _summary(summary: Summary) -> dict[str, int]:
    return {
        "create": summary.create,
        "update": summary.update,
        "delete": summary.delete,
        "unchanged": summary.unchanged,
    }


def _public(action: Action) -> dict[str, Any]:
    return {
        "id": action.id,
        "action": action.verb.value,
        "kind": action.kind.value,
        "name": action.name,
        "reason": action.reason,
        "changes": [
            {"path": change.path, "before": change.before, "after": change.after} for change in action.changes
        ],
        "dependsOn": list(action.depends_on),
    }


def as_whole(plan: Plan) -> dict[str, Any]:
    """Everything a plan holds, payloads too."""
    source = plan.source
    return {
        **({"id": plan.id} if plan.id else {}),
        "project": plan.project,
        "organization": plan.organization,
        "revision": plan.revision,
        "source": {
            "commit": source.commit,
            "dirty": source.dirty,
            "author": source.author,
            "message": source.message,
            "ref": source.ref,
        },
        "summary": _summary(plan.summary),
        "actions": [
            {**_public(action), "payload": action.payload, "warning": action.warning}
            for action in plan.actions
        ],
        "blocked": list(plan.blocked),
        "notices": list(plan.notices),
    }


def of_whole(content: Mapping[str, Any]) -> Plan:
    """The inverse of `as_whole`; raises KeyError, TypeError, ValueError."""
    return Plan(
        id=str(content.get("id") or ""),
        project=content["project"],
        organization=content["organization"],
        revision=content["revision"],
        source=Source(**content["source"]),
        summary=Summary(**content["summary"]),
        actions=tuple(_action(item) for item in content["actions"]),
        blocked=tuple(content["blocked"]),
        notices=tuple(content["notices"]),
    )


def _action(item: Mapping[str, Any]) -> Action:
    return Action(
        id=item["id"],
        verb=Verb(item["action"]),
        kind=Kind(item["kind"]),
        name=item["name"],
        reason=item["reason"],
        changes=tuple(Change(**change) for change in item["changes"]),
        depends_on=tuple(item["dependsOn"]),
        payload=item["payload"],
        warning=item["warning"],
    )
