"""Which stages a pushed branch or tag deploys to. Pure: every way in asks here, so that all agree."""

from __future__ import annotations

from collections.abc import Sequence

from caseway.model.desired import Stage
from caseway.repo.globs import matches_any

HEADS, TAGS = "refs/heads/", "refs/tags/"


def stages_for(stages: Sequence[Stage], ref: str, default_branch: str = "") -> tuple[str, ...]:
    """The names of the stages that a push to `ref` (a full name such as `refs/heads/main`) deploys to, in the
    project's order; none when it deploys nowhere.

    Patterns are globs: `*` within a path segment, `**` across. A project none of whose stages names a branch
    or a tag deploys its default branch to the first stage.
    """
    if ref.startswith(TAGS):
        name = ref.removeprefix(TAGS)
        return tuple(stage.name for stage in stages if _is_named(name, stage.tags))
    if not ref.startswith(HEADS):
        return ()
    name = ref.removeprefix(HEADS)
    if not any(stage.branches or stage.tags for stage in stages):
        return tuple(stage.name for stage in stages[:1] if name == default_branch)
    return tuple(stage.name for stage in stages if _is_named(name, stage.branches))


def _is_named(name: str, patterns: Sequence[str]) -> bool:
    """A whole match: unlike a folder, `release` does not stand for everything below it."""
    depth = name.count("/")
    return any(
        matches_any(name, [pattern]) and ("**" in pattern or pattern.count("/") == depth)
        for pattern in patterns
    )
