"""The observed phase of an instance, from the facts, by precedence. Pure."""

from __future__ import annotations

from caseway.model.states import InstancePhase


def phase(
    *, is_archived: bool, is_paused: bool, is_missing: bool, has_failed: bool, is_undeployed: bool = False
) -> InstancePhase:
    """archived > user_paused > missing_integration > deploy_failed > active.

    What was undeployed shows as paused, whatever is desired, until it is deployed or fails to be."""
    if is_archived:
        return InstancePhase.ARCHIVED
    if is_paused:
        return InstancePhase.USER_PAUSED
    if is_missing:
        return InstancePhase.MISSING_INTEGRATION
    if has_failed:
        return InstancePhase.DEPLOY_FAILED
    return InstancePhase.USER_PAUSED if is_undeployed else InstancePhase.ACTIVE
