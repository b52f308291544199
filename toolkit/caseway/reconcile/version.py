"""Which version comes next, and why. Inferred versions only ever rise."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from semver import Version

from caseway.model.desired import Strategy, UseCase
from caseway.model.snapshot import Template
from caseway.reconcile.compatibility import Bump, findings
from caseway.reconcile.contract import contract
from caseway.reconcile.ranges import version_of

FIRST_VERSION = "1.0.0"


@dataclass(frozen=True, slots=True)
class NextVersion:
    """The version of the next template, the part that moved, the id of the rule that decided, and in words
    everything that fired, most severe first."""

    version: str
    bump: Bump
    rule: str
    details: tuple[str, ...] = ()

    @property
    def reason(self) -> str:
        """One line for a plan: `minor: parameter 'x' added (and 2 more)`."""
        words = self.details[0]
        more = f" (and {len(self.details) - 1} more)" if len(self.details) > 1 else ""
        return words if self.bump in {Bump.FIRST, Bump.EXPLICIT} else f"{self.bump}: {words}{more}"


def infer(old: Template | None, use_case: UseCase, existing: Iterable[str] = ()) -> NextVersion:
    """The version of the template that `use_case` becomes after `old`, its template of the highest revision.

    `existing` are all versions there are; an inferred version is greater than each of them. An explicit
    version is taken as it stands: whether it is free is for the planner to say.
    """
    if use_case.version:
        return NextVersion(use_case.version, Bump.EXPLICIT, "explicit-version", ("version set in the repo",))
    if old is None:
        return NextVersion(FIRST_VERSION, Bump.FIRST, "first-version", ("first version",))
    bump, rule, details = _decide(old, use_case)
    highest = highest_version((old.version, *existing))
    bumped = _bumped(version_of(old.version), bump)
    if bumped <= highest:
        bumped = _bumped(highest, bump)
    return NextVersion(str(bumped), bump, rule, details)


def highest_version(versions: Iterable[str]) -> Version:
    """The greatest by semver precedence; there must be one."""
    return max(version_of(text) for text in versions)


def _decide(old: Template, use_case: UseCase) -> tuple[Bump, str, tuple[str, ...]]:
    if use_case.strategy is not Strategy.AUTO:
        strategy = use_case.strategy.value
        return Bump(strategy), f"strategy-{strategy}", (f"strategy is {strategy}",)
    found = findings(contract(old.body), contract(use_case.body))
    return found[0].bump, found[0].rule, tuple(item.words for item in found)


def _bumped(version: Version, bump: Bump) -> Version:
    match bump:
        case Bump.MAJOR:
            return version.bump_major()
        case Bump.MINOR:
            return version.bump_minor()
        case _:
            return version.bump_patch()
