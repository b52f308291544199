"""A work tree as it is tried out in one stage: every new template is a snapshot, no version is made. Pure."""

from __future__ import annotations

from dataclasses import replace

from caseway.model.desired import Desired, Follows
from caseway.model.errors import CasewayError
from caseway.model.plan import Kind, Plan, Verb
from caseway.reconcile.shelf import DEV


def tried_in(desired: Desired, stage: str) -> Desired:
    """What `desired` asks for of `stage` ("" is the first), with snapshots instead of versions.

    Raises `CasewayError` (`no-such-stage`, `stage-not-free`): a stage of published templates, and one that is
    protected, take what is committed only."""
    names = [item.name for item in desired.stages]
    found = next((item for item in desired.stages if item.name == stage or not stage), None)
    if found is None:
        hint = f"it has: {', '.join(names)}"
        raise CasewayError(
            f"project {desired.project} has no stage {stage!r}", code="no-such-stage", hint=hint
        )
    if found.protected or found.follows is Follows.PUBLISHED:
        raise CasewayError(
            f"stage {found.name} takes only what is committed",
            code="stage-not-free",
            place=found.name,
            hint="choose a stage that is not protected and follows the latest, with --stage",
        )
    return replace(
        desired,
        use_cases=tuple(replace(item, snapshot=DEV) for item in desired.use_cases),
        instances=tuple(item for item in desired.instances if item.stage == found.name),
    )


def only(desired: Desired, names: frozenset[str]) -> Desired:
    """`desired` cut down to some of its use cases."""
    return replace(
        desired,
        use_cases=tuple(item for item in desired.use_cases if item.name in names),
        instances=tuple(item for item in desired.instances if item.use_case in names),
    )


def switched_off(plan: Plan) -> tuple[str, ...]:
    """The instances of other stages that carrying out the plan would switch off."""
    return tuple(
        action.name
        for action in plan.actions
        if action.kind is Kind.INSTANCE and action.verb is Verb.PAUSE and action.payload.get("by")
    )
