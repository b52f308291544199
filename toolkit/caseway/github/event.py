"""What happened, as a forge's runner tells it: plain values made from variables and a JSON file.

Rule: nothing here is believed to be well-formed, for a payload holds what any contributor typed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from caseway.model.errors import CasewayError

_LARGEST = 25 * 1024 * 1024  # GitHub's own limit of a payload


@dataclass(frozen=True, slots=True)
class PullRequest:
    """A pull (or merge) request. `is_fork` means that its content comes from another repository."""

    number: int
    title: str = ""
    head_sha: str = ""
    head_ref: str = ""
    base_sha: str = ""
    base_ref: str = ""
    is_fork: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """The run of the workflow that we are in: where people see it, and its place in the order of runs."""

    url: str = ""
    number: int = 0
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class Event:
    """`name` and `action` are GitHub's words, whatever the forge. `ref` is a full name; `sha` is the commit
    that was checked out, `before` what the ref was at until now; `is_deleted` says that the ref is gone."""

    name: str
    action: str = ""
    repository: str = ""
    ref: str = ""
    sha: str = ""
    before: str = ""
    default_branch: str = ""
    is_deleted: bool = False
    actor: str = ""
    pull_request: PullRequest | None = None
    inputs: Mapping[str, str] = field(default_factory=dict)
    run: Run = field(default_factory=Run)

    @property
    def commit(self) -> str:
        """The commit that a status is about: a pull request's head, not the merge that was checked out."""
        return self.pull_request.head_sha if self.pull_request else self.sha


def read_event(environment: Mapping[str, str]) -> Event:
    """The event that this process was started for. Raises `CasewayError` (`no-event`, `event-unreadable`)."""
    if environment.get("GITLAB_CI") == "true":
        return gitlab_event(environment)
    if not environment.get("GITHUB_EVENT_NAME"):
        raise CasewayError(
            "there is no event here: GITHUB_EVENT_NAME is not set",
            code="no-event",
            hint="'caseway ci' runs in GitHub, Gitea or GitLab pipelines; elsewhere use 'caseway apply'",
        )
    return github_event(environment, _payload(environment.get("GITHUB_EVENT_PATH", "")))


def _payload(path: str) -> Mapping[str, Any]:
    try:
        if not path:
            return {}
        with Path(path).open("rb") as file:
            data = file.read(_LARGEST + 1)
        value = json.loads(data) if len(data) <= _LARGEST else None
    except (OSError, ValueError, RecursionError) as error:
        raise _unreadable(path) from error
    if not isinstance(value, dict):
        raise _unreadable(path)
    return value


def _unreadable(path: str) -> CasewayError:
    return CasewayError(
        "the event's file cannot be read as a JSON object",
        code="event-unreadable",
        place=path,
        hint="GITHUB_EVENT_PATH names the payload of the event",
    )


def github_event(environment: Mapping[str, str], payload: Mapping[str, Any]) -> Event:
    """The event that GitHub's (or Gitea's) runner describes."""
    name = environment.get("GITHUB_EVENT_NAME", "")
    ref = environment.get("GITHUB_REF", "") or _text(payload, "ref")
    if name == "release":
        ref = "refs/tags/" + _text(payload, "release", "tag_name")
    return Event(
        name=name,
        action=_text(payload, "action"),
        repository=environment.get("GITHUB_REPOSITORY", "") or _text(payload, "repository", "full_name"),
        ref=ref,
        sha=environment.get("GITHUB_SHA", "") or _text(payload, "after"),
        before=_text(payload, "before"),
        default_branch=_text(payload, "repository", "default_branch"),
        is_deleted=payload.get("deleted") is True,
        actor=environment.get("GITHUB_ACTOR", "") or _text(payload, "sender", "login"),
        pull_request=_pull_request(payload) if name.startswith("pull_request") else None,
        inputs=_inputs(payload),
        run=_run(environment),
    )


def _pull_request(payload: Mapping[str, Any]) -> PullRequest | None:
    number = _at(payload, "pull_request", "number") or payload.get("number")
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        return None
    head = _text(payload, "pull_request", "head", "repo", "full_name")
    base = _text(payload, "pull_request", "base", "repo", "full_name")
    return PullRequest(
        number=number,
        title=_text(payload, "pull_request", "title"),
        head_sha=_text(payload, "pull_request", "head", "sha"),
        head_ref=_text(payload, "pull_request", "head", "ref"),
        base_sha=_text(payload, "pull_request", "base", "sha"),
        base_ref=_text(payload, "pull_request", "base", "ref"),
        # A head without a repository is a fork that was deleted: nobody's content is trusted by mistake.
        is_fork=not head or head != base,
    )


def _inputs(payload: Mapping[str, Any]) -> dict[str, str]:
    given = payload.get("inputs")
    if not isinstance(given, Mapping):
        return {}
    return {str(name): _word(value) for name, value in given.items() if value is not None}


def _word(value: object) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _run(environment: Mapping[str, str]) -> Run:
    server, repository = environment.get("GITHUB_SERVER_URL", ""), environment.get("GITHUB_REPOSITORY", "")
    run = environment.get("GITHUB_RUN_ID", "")
    url = f"{server}/{repository}/actions/runs/{run}" if server and repository and run else ""
    return Run(
        url, _number(environment.get("GITHUB_RUN_NUMBER")), _number(environment.get("GITHUB_RUN_ATTEMPT"), 1)
    )


def gitlab_event(environment: Mapping[str, str]) -> Event:
    """The event that GitLab's runner describes; it has no payload, and nothing runs when a request closes: a
    job that stops the environment says `preview-down` itself."""
    source = environment.get("CI_PIPELINE_SOURCE", "")
    tag, branch = environment.get("CI_COMMIT_TAG", ""), environment.get("CI_COMMIT_BRANCH", "")
    request = _merge_request(environment)
    names = {"merge_request_event": "pull_request", "web": "workflow_dispatch", "schedule": "schedule"}
    return Event(
        name="pull_request" if request else names.get(source, "push"),
        action="synchronize" if request else "",
        repository=environment.get("CI_PROJECT_ID", ""),
        ref=f"refs/tags/{tag}" if tag else f"refs/heads/{branch}" if branch else "",
        sha=environment.get("CI_COMMIT_SHA", ""),
        before=environment.get("CI_COMMIT_BEFORE_SHA", ""),
        default_branch=environment.get("CI_DEFAULT_BRANCH", ""),
        actor=environment.get("GITLAB_USER_LOGIN", ""),
        pull_request=request,
        run=Run(environment.get("CI_PIPELINE_URL", ""), _number(environment.get("CI_PIPELINE_IID"))),
    )


def _merge_request(environment: Mapping[str, str]) -> PullRequest | None:
    number = _number(environment.get("CI_MERGE_REQUEST_IID"))
    if number < 1:
        return None
    source, target = (environment.get(f"CI_MERGE_REQUEST_{each}PROJECT_ID", "") for each in ("SOURCE_", ""))
    return PullRequest(
        number=number,
        title=environment.get("CI_MERGE_REQUEST_TITLE", ""),
        # In a pipeline of the merged result, CI_COMMIT_SHA is the merge; the source's own is beside it.
        head_sha=environment.get("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA")
        or environment.get("CI_COMMIT_SHA", ""),
        head_ref=environment.get("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", ""),
        base_sha=environment.get("CI_MERGE_REQUEST_DIFF_BASE_SHA", ""),
        base_ref=environment.get("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", ""),
        is_fork=not source or source != target,
    )


def _number(text: str | None, default: int = 0) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else default


def _text(value: object, *names: str) -> str:
    found = _at(value, *names)
    return found if isinstance(found, str) else ""


def _at(value: object, *names: str) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
