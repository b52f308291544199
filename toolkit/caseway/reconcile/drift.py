"""Which actions of a plan repair what hands have changed. No effects."""

from __future__ import annotations

from caseway.model.plan import Action, Plan, Verb


def drift_of(plan: Plan) -> tuple[Action, ...]:
    """The actions that repair drift: of live workflows, and of instance fields."""
    return tuple(action for action in plan.actions if action.verb is Verb.REPAIR or "drift" in action.reason)
