"""GitLab and Gitea do the same as GitHub, in their own words: one contract over small forges with memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import unquote

import httpx
import pytest

from caseway.github.forge import Check, Deployed, Forge, Note, Proposal, State
from caseway.github.forges import forge_of
from github.github_world import Hurry
from github.small_apis import GITEA, GITLAB, Endpoint, wrongs

SHA, NEXT = "a" * 40, "b" * 40
Reply = tuple[int, Any]


@dataclass
class Small:
    """What both small forges keep. `comments` have `id`, `body` and an author."""

    comments: list[dict[str, Any]] = field(default_factory=list)
    statuses: list[dict[str, Any]] = field(default_factory=list)
    deployments: list[dict[str, Any]] = field(default_factory=list)
    environments: list[dict[str, Any]] = field(default_factory=list)
    proposals: list[dict[str, Any]] = field(default_factory=list)
    branches: dict[str, str] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    api: ClassVar[Mapping[str, Endpoint]] = {}

    def handle(self, request: httpx.Request) -> httpx.Response:
        """The answer to a request with the right token; both sides are judged by the documentation."""
        if not self.is_known(request):
            return httpx.Response(401, json={"message": "401 Unauthorized"})
        body = json.loads(request.content) if request.content else None
        raw = "/" + "/".join(request.url.raw_path.decode().partition("?")[0].split("/")[3:])
        query = dict(request.url.params)
        path = [unquote(each) for each in raw.split("/")[1:]]
        status, answer = self.route(request.method, path, body, query)
        self.requests.append(f"{request.method} {raw}")
        self.violations += wrongs(self.api, (request.method, raw, query, body), (status, answer))
        return httpx.Response(status, json=answer) if answer is not None else httpx.Response(status)

    def is_known(self, request: httpx.Request) -> bool:
        raise NotImplementedError

    def route(self, method: str, path: list[str], body: Any, query: dict[str, str]) -> Reply:
        raise NotImplementedError

    def changed(self, method: str, number: str, body: Any) -> Reply:
        """A comment updated or deleted."""
        found = next((each for each in self.comments if each["id"] == int(number)), None)
        if found is None:
            return 404, {"message": "404"}
        if method == "DELETE":
            self.comments.remove(found)
            return 204, None
        found["body"] = body["body"]
        return 200, found


class SmallGitLab(Small):
    """The parts of GitLab's API v4 that are used, for project 42."""

    api = GITLAB

    def is_known(self, request: httpx.Request) -> bool:
        return request.headers.get("private-token") == "token"

    def add(self, text: str, author: str = "bot") -> dict[str, Any]:
        self.comments.append({"id": len(self.comments) + 1, "body": text, "author": {"username": author}})
        return self.comments[-1]

    def route(self, method: str, path: list[str], body: Any, query: dict[str, str]) -> Reply:  # noqa: PLR0911 - one return per endpoint
        match method, path:
            case "GET", ["user"]:
                return 200, {"username": "bot"}
            case "GET", ["projects", "42", "merge_requests", "7", "notes"]:
                return 200, self.comments
            case "POST", ["projects", "42", "merge_requests", "7", "notes"]:
                return 201, self.add(body["body"])
            case (("PUT" | "DELETE"), ["projects", "42", "merge_requests", "7", "notes", number]):
                return self.changed(method, number, body)
            case "GET", ["projects", "42", "repository", "branches", name]:
                known = name in self.branches
                return (200, {"commit": {"id": self.branches[name]}}) if known else (404, {"message": "404"})
            case _, ["projects", "42", "merge_requests"]:
                return self.merge_requests(method, body, query)
            case _, ["projects", "42", *rest]:
                return self.project(method, rest, body, query)
        return 404, {"message": "404 Not Found"}

    def project(self, method: str, path: list[str], body: Any, query: dict[str, str]) -> Reply:  # noqa: PLR0911 - as above
        match method, path:
            case "POST", ["statuses", commit]:
                same = [
                    each for each in self.statuses if (each["sha"], each["name"]) == (commit, body["name"])
                ]
                if same and same[-1]["state"] == body["state"]:
                    return 400, {
                        "message": f"Cannot transition status via :{body['state']} from :{body['state']}"
                    }
                self.statuses.append({"sha": commit, **body})
                return 201, self.statuses[-1]
            case "GET", ["deployments"]:
                return 200, [
                    each for each in self.deployments if each["environment"] == query["environment"]
                ][-1:]
            case "POST", ["deployments"]:
                self.deployments.append({"id": len(self.deployments) + 1, **body})
                self.environments.append({"id": 5, "name": body["environment"], "state": "available"})
                return 201, self.deployments[-1]
            case "PUT", ["deployments", number]:
                self.deployments[int(number) - 1] |= body
                return 200, self.deployments[int(number) - 1]
            case "GET", ["environments"]:
                return 200, [each for each in self.environments if each["name"] == query["name"]]
            case "POST", ["environments", _, "stop"]:
                for each in self.environments:
                    each["state"] = "stopped"
                return 200, self.environments[0]
        return 404, {"message": "404 Not Found"}

    def merge_requests(self, method: str, body: Any, query: dict[str, str]) -> Reply:
        if method == "GET":
            return 200, [each for each in self.proposals if each["source_branch"] == query["source_branch"]]
        self.proposals.append({**body, "web_url": "https://gitlab.test/acme/app/-/merge_requests/8"})
        return 201, self.proposals[-1]


class SmallGitea(Small):
    """The parts of Gitea's API v1 that are used, for acme/app."""

    api = GITEA

    def is_known(self, request: httpx.Request) -> bool:
        return request.headers.get("authorization") == "token token"

    def add(self, text: str, author: str = "gitea-actions") -> dict[str, Any]:
        made = {
            "id": len(self.comments) + 1,
            "body": text,
            "user": {"login": author},
            "html_url": "https://gitea.test/c",
        }
        self.comments.append(made)
        return made

    def route(self, method: str, path: list[str], body: Any, query: dict[str, str]) -> Reply:  # noqa: PLR0911 - one return per endpoint
        match method, path[3:] if path[:3] == ["repos", "acme", "app"] else ["", *path]:
            case "GET", ["", "user"]:
                return 403, {"message": "token does not have at least one of required scope(s)"}
            case "GET", ["issues", "7", "comments"]:
                return 200, self.comments
            case "POST", ["issues", "7", "comments"]:
                return 201, self.add(body["body"])
            case (("PATCH" | "DELETE"), ["issues", "comments", number]):
                return self.changed(method, number, body)
            case "POST", ["statuses", commit]:
                made = {"id": len(self.statuses) + 1, "status": body["state"]}
                self.statuses.append({**made, "sha": commit, "name": body["context"], **body})
                return 201, self.statuses[-1]
            case "GET", ["branches", name]:
                known = name in self.branches
                return (200, {"commit": {"id": self.branches[name]}}) if known else (404, {"message": "404"})
            case "GET", ["pulls"]:
                return 200, self.proposals
            case "POST", ["pulls"]:
                made = {
                    "head": {"ref": body["head"]},
                    "base": {"ref": body["base"]},
                    "html_url": "https://gitea.test/p",
                }
                self.proposals.append(made)
                return 201, made
        return 404, {"message": "404"}


GITLAB = {"GITLAB_CI": "true", "CI_API_V4_URL": "https://gitlab.test/api/v4", "CI_PROJECT_ID": "42"}
GITEA = {
    "GITEA_ACTIONS": "true",
    "GITHUB_API_URL": "https://gitea.test/api/v1",
    "GITHUB_REPOSITORY": "acme/app",
}
KINDS: dict[str, tuple[Callable[[], Small], dict[str, str]]] = {
    "gitlab": (SmallGitLab, GITLAB),
    "gitea": (SmallGitea, GITEA),
}


@pytest.fixture(params=sorted(KINDS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def small(kind: str) -> Iterator[Any]:
    """A forge; afterwards nothing may have broken what its documentation says."""
    made = KINDS[kind][0]()
    yield made
    assert made.violations == []
    assert made.requests


@pytest.fixture
def forge(kind: str, small: Small, hurry: Hurry) -> Forge:
    made = forge_of(KINDS[kind][1], "token", pace=hurry.pace, transport=httpx.MockTransport(small.handle))
    assert made is not None
    return made


def a_note(text: str, run: int = 1) -> Note:
    return Note("ci-abc", (run, 1), text)


def test_one_comment_is_updated_in_place(small: Any, forge: Forge) -> None:
    forge.put_comment(7, a_note("one"))
    forge.put_comment(7, a_note("two", run=2))
    assert [each["body"].partition("\n")[2] for each in small.comments] == ["two"]


def test_somebody_elses_comment_is_left_alone(small: Any, forge: Forge) -> None:
    small.add(a_note("forged", run=99).body, "mallory")
    forge.put_comment(7, a_note("ours"))
    assert [each["body"].partition("\n")[2] for each in small.comments] == ["forged", "ours"]


def test_a_late_run_overwrites_nothing(small: Any, forge: Forge) -> None:
    forge.put_comment(7, a_note("newer", run=2))
    forge.put_comment(7, a_note("older", run=1))
    assert "newer" in small.comments[0]["body"]


def test_a_verdict_is_a_status_of_the_commit(small: Small, forge: Forge) -> None:
    for state in (State.RUNNING, State.FAILURE, State.FAILURE):
        forge.put_check(Check("Caseway", SHA, state, "2 errors", url="https://run.test"))
    assert {each["sha"] for each in small.statuses} == {SHA}
    assert small.statuses[0]["state"] in {"running", "pending"}
    assert small.statuses[-1]["state"] in {"failed", "failure"}


def test_the_tip_of_a_branch_is_its_commit(small: Small, forge: Forge) -> None:
    small.branches["release/1"] = NEXT
    assert forge.tip_of("release/1") == NEXT
    assert forge.tip_of("gone") == ""


def test_a_change_is_proposed_once(small: Small, forge: Forge) -> None:
    proposal = Proposal("caseway/promote", "main", "Promote")
    assert forge.propose(proposal) == forge.propose(proposal) != ""
    assert len(small.proposals) == 1


def test_a_preview_comes_and_goes(small: Small, forge: Forge, kind: str) -> None:
    for state in (State.RUNNING, State.SUCCESS, State.SUCCESS):
        forge.put_deployment(Deployed("preview/pr-7", SHA, state, "https://caseway.test/hooks/1"))
    forge.retire("preview/pr-7")
    if kind == "gitlab":
        assert [each["status"] for each in small.deployments] == ["success"]
        assert [each["state"] for each in small.environments] == ["stopped"]
    else:
        assert (small.statuses[-1]["name"], small.statuses[-1]["state"]) == (
            "caseway/preview/pr-7",
            "success",
        )
        assert small.statuses[-1]["target_url"] == "https://caseway.test/hooks/1"


def test_a_parameter_that_a_forge_does_not_know_would_be_noticed() -> None:
    asked = ("GET", "/repos/acme/app/pulls", {"status": "open"}, None)
    assert wrongs(GITEA, asked, (200, [])) != []
    assert wrongs(GITEA, ("GET", "/repos/acme/app/checks", {}, None), (200, [])) != []
    status = {"state": "failure", "name": "Caseway"}
    asked = ("POST", f"/projects/42/statuses/{SHA}", {}, status)  # type: ignore[assignment]
    assert wrongs(GITLAB, asked, (201, {**status, "sha": SHA})) != []
