"""Which template an instance runs: by exact version, by range, by channel, and by what its stage allows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from caseway.model.desired import Follows
from caseway.model.snapshot import Template
from caseway.model.states import TemplateStatus
from caseway.reconcile.ranges import EVERYTHING, PUBLISHED, is_exact, parse_range, version_of


@dataclass(frozen=True, slots=True)
class Choice:
    """The template to run, or None and why: `problem` forbids applying, `waits` is for the reader."""

    template: Template | None = None
    problem: str = ""
    waits: str = ""


def choose(wanted: str, follows: Follows, templates: Sequence[Template], digest: str) -> Choice:
    """The template for an instance that asks for version `wanted` in a stage that `follows`.

    `templates` are those there will be after the plan, with the status they will have; `digest` is the use
    case's as it stands in the repo, which "*" means in a stage that follows the latest.
    """
    if is_exact(wanted):
        return _exact(wanted, templates)
    try:
        versions = parse_range("*" if wanted == PUBLISHED else wanted)
    except ValueError as error:
        return Choice(problem=f"version '{wanted}' is neither a version nor a range: {error}")
    if follows is Follows.PUBLISHED or wanted == PUBLISHED:
        eligible = [item for item in templates if item.status is TemplateStatus.PUBLISHED]
        waits = "nothing is published yet" if not eligible else f"what is published is not in {wanted}"
    elif wanted.strip() in EVERYTHING:
        return Choice(next((item for item in templates if item.digest == digest), None))
    else:
        eligible, waits = list(templates), f"no version is in {wanted}"
    inside = [item for item in eligible if versions.allows(version_of(item.version))]
    template = highest(inside)
    return Choice(template, waits="" if template else waits)


def highest(templates: Iterable[Template]) -> Template | None:
    """The template of the greatest version."""
    return max(templates, key=lambda item: version_of(item.version), default=None)


def _exact(wanted: str, templates: Sequence[Template]) -> Choice:
    for template in templates:
        if template.version == wanted:
            return Choice(template)
    there = ", ".join(item.version for item in templates[-5:]) or "none yet"
    return Choice(problem=f"version {wanted} does not exist (there are: {there})")
