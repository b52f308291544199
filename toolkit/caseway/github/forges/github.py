"""GitHub: issue comments, check runs (or commit statuses), deployments.

Check runs need a token of an app, as the one of GitHub Actions is; with any other a commit status is set."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import Any
from urllib.parse import quote

from caseway.github.commenting import keep
from caseway.github.forge import Check, Deployed, Note, Proposal, State
from caseway.github.rest import ForgeError, Rest
from caseway.model.diagnostic import Diagnostic, Severity

_PER_PAGE = 100
_ANNOTATIONS = 50  # in one request
_LONGEST_TEXT = 65_000
_CONCLUSIONS = {State.SUCCESS: "success", State.FAILURE: "failure", State.NEUTRAL: "neutral"}
_STATUSES = {
    State.SUCCESS: "success",
    State.FAILURE: "failure",
    State.NEUTRAL: "success",
    State.RUNNING: "pending",
}
_DEPLOYED = {
    State.SUCCESS: "success",
    State.FAILURE: "failure",
    State.NEUTRAL: "inactive",
    State.RUNNING: "in_progress",
}
_LEVELS = {Severity.ERROR: "failure", Severity.WARNING: "warning", Severity.NOTE: "notice"}


class GitHub:
    """One repository at GitHub."""

    longest_comment = 65_536

    def __init__(self, rest: Rest, repository: str) -> None:
        self._rest = rest
        self._at = f"/repos/{repository}"

    def put_comment(self, number: int, note: Note) -> str:
        """See `Forge`."""
        comments = _Comments(self._rest, self._at, number)
        return str(self._rest.again(lambda: keep(comments, note)).get("html_url") or "")

    def put_check(self, check: Check) -> None:
        """See `Forge`."""
        try:
            self._rest.again(lambda: self._check_run(check))
        except ForgeError as error:
            if error.status not in {403, 404}:
                raise
            self._status(check)

    def put_deployment(self, deployed: Deployed) -> None:
        """See `Forge`."""
        number = self._rest.again(lambda: self._deployment(deployed))
        self._rest.again(lambda: self._tell(number, deployed))
        if deployed.state is State.SUCCESS:  # GitHub itself does this for lasting environments only
            self._retire(deployed.environment, "a newer commit took its place", before=number)

    def retire(self, environment: str) -> None:
        """See `Forge`."""
        self._retire(environment, "the preview is gone")

    def _retire(self, environment: str, text: str, *, before: int | None = None) -> None:
        gone = Deployed(environment, "", State.NEUTRAL, text=text)
        for each in list(self._deployments(environment=environment)):
            number = int(each["id"])
            if before is None or number < before:
                self._rest.again(partial(self._tell, number, gone))

    def tip_of(self, branch: str) -> str:
        """See `Forge`."""
        try:
            found = self._rest.get(f"{self._at}/branches/{quote(branch, safe='')}")
        except ForgeError as error:
            if error.status == 404:
                return ""
            raise
        return str(found["commit"]["sha"])

    def propose(self, proposal: Proposal) -> str:
        """See `Forge`."""
        return self._rest.again(lambda: self._proposed(proposal))

    def _proposed(self, proposal: Proposal) -> str:
        owner = self._at.split("/")[2]
        head = f"{owner}:{proposal.branch}"
        for each in self._rest.get(f"{self._at}/pulls", head=head, base=proposal.base, state="open"):
            return str(each["html_url"])
        body = {
            "title": proposal.title,
            "head": proposal.branch,
            "base": proposal.base,
            "body": proposal.text,
        }
        return str(self._rest.send("POST", f"{self._at}/pulls", body)["html_url"])

    def _check_run(self, check: Check) -> None:
        first, *others = list(_batches(check)) or [()]
        number = self._known_run(check)
        body = _run_body(check, first)
        if number is None:
            made = self._rest.send("POST", f"{self._at}/check-runs", {**body, "head_sha": check.commit})
            number = int(made["id"])
        else:
            self._rest.send("PATCH", f"{self._at}/check-runs/{number}", body)
        for batch in others:  # GitHub adds the annotations of each request to those before
            self._rest.send("PATCH", f"{self._at}/check-runs/{number}", _run_body(check, batch))

    def _known_run(self, check: Check) -> int | None:
        """The check run that is still open: a finished one stays as it was, and a new one takes its place."""
        path = f"{self._at}/commits/{check.commit}/check-runs"
        found = self._rest.get(path, check_name=check.name, filter="latest", per_page=_PER_PAGE)
        runs = [each for each in found["check_runs"] if each["status"] != "completed"]
        return max((int(each["id"]) for each in runs), default=None)

    def _status(self, check: Check) -> None:
        body = {
            "state": _STATUSES[check.state],
            "context": check.name,
            "description": check.title[:140],
            **({"target_url": check.url} if check.url else {}),
        }
        self._rest.again(lambda: self._rest.send("POST", f"{self._at}/statuses/{check.commit}", body))

    def _deployments(self, **query: str) -> Iterator[Any]:
        return self._rest.pages(f"{self._at}/deployments", per_page=_PER_PAGE, **query)

    def _deployment(self, deployed: Deployed) -> int:
        for each in self._deployments(environment=deployed.environment, sha=deployed.commit):
            return int(each["id"])
        body = {
            "ref": deployed.commit,
            "environment": deployed.environment,
            "description": deployed.text[:140],
            "auto_merge": False,
            "required_contexts": [],
            "transient_environment": True,
            "production_environment": False,
        }
        return int(self._rest.send("POST", f"{self._at}/deployments", body)["id"])

    def _tell(self, number: int, deployed: Deployed) -> None:
        """The deployment's latest status is this one; nothing is sent when it is already."""
        path = f"{self._at}/deployments/{number}/statuses"
        body = {
            "state": _DEPLOYED[deployed.state],
            "description": deployed.text[:140],
            **({"environment_url": deployed.url} if deployed.url else {}),
            **({"log_url": deployed.log} if deployed.log else {}),
        }
        latest = next(iter(self._rest.get(path, per_page=1)), None) or {}
        if deployed.state is State.NEUTRAL and latest.get("state") == "inactive":
            return
        if any((latest.get(name) or "") != value for name, value in body.items()):
            self._rest.send("POST", path, body)


class _Comments:
    """The comments of one pull request, which GitHub keeps with issues."""

    def __init__(self, rest: Rest, at: str, number: int) -> None:
        self._rest = rest
        self._at = at
        self._list = f"{at}/issues/{number}/comments"

    def every(self) -> list[Mapping[str, Any]]:
        return list(self._rest.pages(self._list, per_page=_PER_PAGE))

    @cached_property
    def _login(self) -> str:
        """Whose the token is; "" for an app's, which may not ask."""
        with contextlib.suppress(ForgeError):
            return str(self._rest.get("/user")["login"])
        return ""

    def is_own(self, comment: Mapping[str, Any]) -> bool:
        user = comment.get("user") or {}
        return bool(user.get("login") == self._login if self._login else user.get("type") == "Bot")

    def create(self, body: str) -> Mapping[str, Any]:
        return dict(self._rest.send("POST", self._list, {"body": body}))

    def update(self, comment: Mapping[str, Any], body: str) -> Mapping[str, Any]:
        return dict(self._rest.send("PATCH", f"{self._at}/issues/comments/{comment['id']}", {"body": body}))

    def delete(self, comment: Mapping[str, Any]) -> None:
        with contextlib.suppress(ForgeError):  # another run deleted it first, or the token may not
            self._rest.send("DELETE", f"{self._at}/issues/comments/{comment['id']}")


def _run_body(check: Check, findings: Sequence[Diagnostic]) -> dict[str, Any]:
    is_done = check.state is not State.RUNNING
    return {
        "name": check.name,
        "status": "completed" if is_done else "in_progress",
        **({"conclusion": _CONCLUSIONS[check.state]} if is_done else {}),
        **({"details_url": check.url} if check.url else {}),
        "output": {
            "title": check.title[:255],
            "summary": check.text[:_LONGEST_TEXT] or check.title,
            "annotations": [_annotation(each) for each in findings],
        },
    }


def _annotation(found: Diagnostic) -> dict[str, Any]:
    line = max(found.line, 1)
    return {
        "path": found.file,
        "start_line": line,
        "end_line": line,
        "annotation_level": _LEVELS[found.severity],
        "title": f"Caseway {found.code}",
        "message": found.message + (f"\n{found.hint}" if found.hint else ""),
    }


def _batches(check: Check) -> Iterator[Sequence[Diagnostic]]:
    for at in range(0, len(check.findings), _ANNOTATIONS):
        yield check.findings[at : at + _ANNOTATIONS]
