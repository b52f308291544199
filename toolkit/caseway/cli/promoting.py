"""`caseway promote` from beginning to end: which version, the change, the commit, the pull request."""

from __future__ import annotations

import difflib
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from caseway.cli.output import clean, print_json, say
from caseway.cli.session import Session
from caseway.delivery.promote import Pin, branch_pin, commit_pin, pin, push_branch
from caseway.model.errors import CasewayError


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line said."""

    name: str
    stage: str
    version: str
    owner: str
    is_dry: bool
    branch: str
    proposes: bool
    base: str


def promote(session: Session, wanted: Wanted) -> int:
    """Do it, and say what was done; the exit code."""
    root = session.project_root()
    version = wanted.version or _newest(session, wanted.name)
    change = pin(root, wanted.name, wanted.stage, version, owner=wanted.owner)
    done: dict[str, Any] = {
        "file": change.path,
        "instance": change.instance,
        "before": change.before,
        "version": change.after,
        "changed": change.is_change,
        "commit": "",
        "branch": "",
        "pullRequest": "",
    }
    if change.is_change and not wanted.is_dry:
        done |= _carried_out(change, wanted)
    if session.is_json:
        print_json(done)
    else:
        _say(change, done)
    return 0


def _newest(session: Session, name: str) -> str:
    """The newest version of the process on the platform."""
    with session.client() as client:
        found = client.call("processes.get", name=name)
    if not found["latest"]:
        raise CasewayError(f"{name} has no version yet", code="not-found", hint="apply it first")
    return str(found["latest"])


def _carried_out(change: Pin, wanted: Wanted) -> dict[str, str]:
    if not wanted.branch and not wanted.proposes:
        return {"commit": commit_pin(change)}
    branch = wanted.branch or f"promote/{change.use_case}-{change.after}-{change.stage}"
    made = {"commit": branch_pin(change, branch), "branch": branch}
    if not wanted.proposes:
        return made
    from caseway.github.forge import Proposal
    from caseway.github.forges import forge_of

    environment = _forge_settings(change)
    forge = forge_of(environment, environment.get("GITHUB_TOKEN") or environment.get("GITLAB_TOKEN") or "")
    if forge is None:
        raise CasewayError(
            f"the branch {branch} is there, but no forge to open a pull request on",
            code="no-forge",
            hint="set GITHUB_TOKEN and GITHUB_REPOSITORY (and GITHUB_API_URL), or those of GitLab",
        )
    push_branch(change.root, branch)
    base = wanted.base or _git(change, "symbolic-ref", "--short", "HEAD")
    text = f"`{change.path}`: version {change.before or 'none'} becomes {change.after}."
    return {**made, "pullRequest": forge.propose(Proposal(branch, base, change.title, text))}


def _forge_settings(change: Pin) -> Mapping[str, str]:
    """The pipeline's variables; outside of one, what can be told from the remote."""
    found = dict(os.environ)
    origin = _git(change, "config", "--get", "remote.origin.url")
    if "github.com" in origin:
        found.setdefault("GITHUB_API_URL", "https://api.github.com")
        path = origin.partition("github.com")[2].lstrip(":/").removesuffix(".git")
        found.setdefault("GITHUB_REPOSITORY", path)
    return found


def _git(change: Pin, *words: str) -> str:
    answer = subprocess.run(  # noqa: S603 - a fixed program, a list of arguments, no shell
        ["git", "-C", str(change.root), *words],  # noqa: S607 - the user's own git
        capture_output=True,
        text=True,
        check=False,
    )
    return answer.stdout.strip()


def _say(change: Pin, done: Mapping[str, Any]) -> None:
    if not change.is_change:
        say(f"{change.instance} is at {change.after} already", err=True)
        return
    file = change.root / change.path
    before = file.read_text(encoding="utf-8").splitlines() if file.exists() and not done["commit"] else []
    if not done["commit"] or done["branch"]:
        for line in difflib.unified_diff(
            before, change.text.splitlines(), change.path, change.path, lineterm=""
        ):
            say(clean(line))
    if done["commit"]:
        where = f" on {done['branch']}" if done["branch"] else ""
        say(f"{change.title}: {done['commit'][:10]}{where}", err=True)
        say(done["pullRequest"] or "push it, and it is deployed", err=True)
