"""What Caseway needs of a forge: one comment, one check, deployments. Seven methods would be too many.

Rule: each method converges: called twice, or again after being cut off, it leaves what one call leaves."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from caseway.model.diagnostic import Diagnostic


class State(StrEnum):
    """How something stands, in words that every forge can be told."""

    RUNNING = "running"
    SUCCESS = "success"
    FAILURE = "failure"
    NEUTRAL = "neutral"


@dataclass(frozen=True, slots=True)
class Note:
    """One comment that is kept up to date. `key` tells it from those of other projects; `order` is the place
    of the run that writes it: an older run never overwrites what a newer one wrote."""

    key: str
    order: tuple[int, int]
    text: str

    @property
    def body(self) -> str:
        """The comment with the mark that finds it again."""
        return f"<!-- caseway:{self.key} run={self.order[0]}.{self.order[1]} -->\n{self.text}"


@dataclass(frozen=True, slots=True)
class Check:
    """The verdict on one commit. `findings` name files below the repository's top."""

    name: str
    commit: str
    state: State
    title: str
    text: str = ""
    url: str = ""
    findings: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True)
class Deployed:
    """One commit in one environment, such as `preview/pr-7`."""

    environment: str
    commit: str
    state: State
    url: str = ""
    log: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A pull request to open from a branch that was pushed."""

    branch: str
    base: str
    title: str
    text: str = ""


class Forge(Protocol):
    """A forge, for one repository. Every method may raise `ForgeError`."""

    @property
    def longest_comment(self) -> int:
        """How many characters a comment may have."""
        ...

    def put_comment(self, number: int, note: Note) -> str:
        """The pull request has this one comment of that key, unless a newer run wrote it; its address."""
        ...

    def put_check(self, check: Check) -> None:
        """The commit shows this verdict."""
        ...

    def put_deployment(self, deployed: Deployed) -> None:
        """The environment shows this deployment."""
        ...

    def retire(self, environment: str) -> None:
        """Nothing is live in the environment any more."""
        ...

    def tip_of(self, branch: str) -> str:
        """The commit that the branch is at now; "" when there is no such branch."""
        ...

    def propose(self, proposal: Proposal) -> str:
        """The address of the open pull request for this branch, made when there is none."""
        ...
