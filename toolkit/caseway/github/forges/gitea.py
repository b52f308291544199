"""Gitea and Forgejo: issue comments and commit statuses. They know no deployments: a preview is a status."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from functools import cached_property
from typing import Any
from urllib.parse import quote

from caseway.github.commenting import keep
from caseway.github.forge import Check, Deployed, Note, Proposal, State
from caseway.github.rest import ForgeError, Rest

_RUNNER = "gitea-actions"  # who writes with the token of a workflow's run
_STATES = {
    State.SUCCESS: "success",
    State.FAILURE: "failure",
    State.NEUTRAL: "success",
    State.RUNNING: "pending",
}


class Gitea:
    """One repository at a Gitea; the API's address ends with `/api/v1`."""

    longest_comment = 65_000

    def __init__(self, rest: Rest, repository: str) -> None:
        self._rest = rest
        self._at = f"/repos/{repository}"

    def put_comment(self, number: int, note: Note) -> str:
        """See `Forge`."""
        comments = _Comments(self._rest, self._at, number)
        return str(self._rest.again(lambda: keep(comments, note)).get("html_url") or "")

    def put_check(self, check: Check) -> None:
        """See `Forge`."""
        self._status(check.commit, check.name, (_STATES[check.state], check.title), check.url)

    def put_deployment(self, deployed: Deployed) -> None:
        """See `Forge`."""
        says = (_STATES[deployed.state], deployed.text)
        self._status(deployed.commit, f"caseway/{deployed.environment}", says, deployed.url or deployed.log)

    def retire(self, environment: str) -> None:
        """Nothing to do: a status belongs to its commit and ends with the pull request."""

    def tip_of(self, branch: str) -> str:
        """See `Forge`."""
        try:
            return str(self._rest.get(f"{self._at}/branches/{quote(branch, safe='')}")["commit"]["id"])
        except ForgeError as error:
            if error.status == 404:
                return ""
            raise

    def propose(self, proposal: Proposal) -> str:
        """See `Forge`."""
        return self._rest.again(lambda: self._proposed(proposal))

    def _proposed(self, proposal: Proposal) -> str:
        for each in self._rest.pages(f"{self._at}/pulls", state="open"):
            if (each["head"]["ref"], each["base"]["ref"]) == (proposal.branch, proposal.base):
                return str(each["html_url"])
        body = {
            "title": proposal.title,
            "head": proposal.branch,
            "base": proposal.base,
            "body": proposal.text,
        }
        return str(self._rest.send("POST", f"{self._at}/pulls", body)["html_url"])

    def _status(self, commit: str, context: str, says: tuple[str, str], url: str) -> None:
        body = {"state": says[0], "context": context, "description": says[1][:140], "target_url": url}
        self._rest.again(lambda: self._rest.send("POST", f"{self._at}/statuses/{commit}", body))


class _Comments:
    """The comments of one pull request."""

    def __init__(self, rest: Rest, at: str, number: int) -> None:
        self._rest = rest
        self._at = at
        self._list = f"{at}/issues/{number}/comments"

    def every(self) -> list[Mapping[str, Any]]:
        return list(self._rest.pages(self._list))

    @cached_property
    def _login(self) -> str:
        with contextlib.suppress(ForgeError):
            return str(self._rest.get("/user")["login"])
        return _RUNNER

    def is_own(self, comment: Mapping[str, Any]) -> bool:
        return (comment.get("user") or {}).get("login") == self._login

    def create(self, body: str) -> Mapping[str, Any]:
        return dict(self._rest.send("POST", self._list, {"body": body}))

    def update(self, comment: Mapping[str, Any], body: str) -> Mapping[str, Any]:
        return dict(self._rest.send("PATCH", f"{self._at}/issues/comments/{comment['id']}", {"body": body}))

    def delete(self, comment: Mapping[str, Any]) -> None:
        with contextlib.suppress(ForgeError):
            self._rest.send("DELETE", f"{self._at}/issues/comments/{comment['id']}")
