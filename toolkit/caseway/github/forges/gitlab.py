"""GitLab: merge request notes, commit statuses, deployments and environments."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from functools import cached_property
from typing import Any
from urllib.parse import quote

from caseway.github.commenting import keep
from caseway.github.forge import Check, Deployed, Note, Proposal, State
from caseway.github.rest import ForgeError, Rest

_PER_PAGE = 100
_STATES = {
    State.SUCCESS: "success",
    State.FAILURE: "failed",
    State.NEUTRAL: "success",
    State.RUNNING: "running",
}


class GitLab:
    """One project at a GitLab, named by number or path; the API's address ends with `/api/v4`."""

    longest_comment = 900_000

    def __init__(self, rest: Rest, project: str) -> None:
        self._rest = rest
        self._at = f"/projects/{quote(project, safe='')}"

    def put_comment(self, number: int, note: Note) -> str:
        """See `Forge`."""
        comments = _Notes(self._rest, f"{self._at}/merge_requests/{number}/notes")
        self._rest.again(lambda: keep(comments, note))
        return ""  # a note's address is not part of the answer

    def put_check(self, check: Check) -> None:
        """See `Forge`."""
        body = {
            "state": _STATES[check.state],
            "name": check.name,
            "description": check.title[:255],
            **({"target_url": check.url} if check.url else {}),
        }
        try:
            self._rest.again(lambda: self._rest.send("POST", f"{self._at}/statuses/{check.commit}", body))
        except ForgeError as error:
            if "cannot transition" not in error.message.lower():  # it stands at this state already
                raise

    def put_deployment(self, deployed: Deployed) -> None:
        """See `Forge`."""
        self._rest.again(lambda: self._deployment(deployed))

    def _deployment(self, deployed: Deployed) -> None:
        state = _STATES[deployed.state]
        for each in self._rest.get(
            f"{self._at}/deployments",
            environment=deployed.environment,
            order_by="id",
            sort="desc",
            per_page=1,
        ):
            if each["sha"] == deployed.commit:
                if each["status"] != state:
                    self._rest.send("PUT", f"{self._at}/deployments/{each['id']}", {"status": state})
                return
        body = {
            "environment": deployed.environment,
            "sha": deployed.commit,
            "ref": deployed.commit,
            "tag": False,
            "status": state,
        }
        self._rest.send("POST", f"{self._at}/deployments", body)

    def retire(self, environment: str) -> None:
        """See `Forge`."""
        self._rest.again(lambda: self._stop(environment))

    def _stop(self, environment: str) -> None:
        for each in self._rest.get(f"{self._at}/environments", name=environment):
            if each["state"] != "stopped":
                self._rest.send("POST", f"{self._at}/environments/{each['id']}/stop", {"force": True})

    def tip_of(self, branch: str) -> str:
        """See `Forge`."""
        try:
            found = self._rest.get(f"{self._at}/repository/branches/{quote(branch, safe='')}")
        except ForgeError as error:
            if error.status == 404:
                return ""
            raise
        return str(found["commit"]["id"])

    def propose(self, proposal: Proposal) -> str:
        """See `Forge`."""
        return self._rest.again(lambda: self._proposed(proposal))

    def _proposed(self, proposal: Proposal) -> str:
        branches = {"source_branch": proposal.branch, "target_branch": proposal.base}
        for each in self._rest.get(f"{self._at}/merge_requests", state="opened", **branches):
            return str(each["web_url"])
        body = {**branches, "title": proposal.title, "description": proposal.text}
        return str(self._rest.send("POST", f"{self._at}/merge_requests", body)["web_url"])


class _Notes:
    """The notes of one merge request."""

    def __init__(self, rest: Rest, path: str) -> None:
        self._rest = rest
        self._list = path

    def every(self) -> list[Mapping[str, Any]]:
        return list(self._rest.pages(self._list, per_page=_PER_PAGE, order_by="created_at", sort="asc"))

    @cached_property
    def _username(self) -> str:
        return str(self._rest.get("/user")["username"])

    def is_own(self, comment: Mapping[str, Any]) -> bool:
        return (comment.get("author") or {}).get("username") == self._username

    def create(self, body: str) -> Mapping[str, Any]:
        return dict(self._rest.send("POST", self._list, {"body": body}))

    def update(self, comment: Mapping[str, Any], body: str) -> Mapping[str, Any]:
        return dict(self._rest.send("PUT", f"{self._list}/{comment['id']}", {"body": body}))

    def delete(self, comment: Mapping[str, Any]) -> None:
        with contextlib.suppress(ForgeError):
            self._rest.send("DELETE", f"{self._list}/{comment['id']}")
