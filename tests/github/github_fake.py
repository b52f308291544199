"""A small GitHub that remembers: every request to it and every answer of it is judged by GitHub's own API
description. What breaks it is an error of the test, whoever caused it."""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
from openapi_core import OpenAPI
from openapi_core.testing import MockRequest, MockResponse

from github.github_api import api_description

APP, ANN = "ghs_of-the-run", "ghp_of-ann"  # tokens: the one of Actions, and a person's
AT = "/repos/acme/app"
HOST = "https://api.github.com"

Answer = tuple[int, Any]


@cache
def _openapi() -> OpenAPI:
    return OpenAPI.from_dict(api_description())


@dataclass
class FakeGitHub:
    """The state of repository `acme/app`. `misbehaviour` is asked before each request and may answer for it;
    `denied` holds `METHOD path-ending` that tokens may not use."""

    page_size: int = 100
    comments: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    checks: list[dict[str, Any]] = field(default_factory=list)
    statuses: list[dict[str, Any]] = field(default_factory=list)
    deployments: list[dict[str, Any]] = field(default_factory=list)
    deployment_statuses: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    pulls: list[dict[str, Any]] = field(default_factory=list)
    denied: set[str] = field(default_factory=set)
    requests: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    misbehaviour: Callable[[httpx.Request], httpx.Response | None] = lambda _request: None
    after: Callable[[httpx.Request], None] = lambda _request: None
    base: str = HOST
    _ids: int = 1000
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def transport(self) -> httpx.MockTransport:
        """For a client in this process."""
        return httpx.MockTransport(self.handle)

    def handle(self, request: httpx.Request) -> httpx.Response:
        """The answer; both sides are checked."""
        with self._lock:
            self.requests.append(f"{request.method} {request.url.path.removeprefix(AT)}")
            early = self.misbehaviour(request)
            if early is not None:
                return early
            self._check_request(request)
            status, body, headers = self._answer(request)
            response = (
                httpx.Response(status, json=body, headers=headers)
                if body is not None
                else httpx.Response(status)
            )
            self._check_response(request, response)
            self.after(request)
            return response

    def _answer(self, request: httpx.Request) -> tuple[int, Any, dict[str, str]]:
        word, _, token = request.headers.get("authorization", "").partition(" ")
        if word != "Bearer" or token not in {APP, ANN}:
            return 401, _error("Bad credentials", "401"), {}
        path = request.url.path.removeprefix(AT)
        if any(path.endswith(each.split()[1]) and each.startswith(request.method) for each in self.denied):
            return 403, _error("Resource not accessible by integration", "403"), {}
        query = dict(parse_qsl(request.url.query.decode()))
        body = json.loads(request.content) if request.content else {}
        status, answer = self._route(request.method, path.strip("/").split("/"), (query, body, token))
        if isinstance(answer, list):
            answer, headers = self._page(request, answer, query)
            return status, answer, headers
        return status, answer, {}

    def _page(
        self, request: httpx.Request, items: list[Any], query: dict[str, str]
    ) -> tuple[list[Any], dict[str, str]]:
        per_page = min(int(query.get("per_page", 30)), self.page_size)
        number = int(query.get("page", 1))
        shown = items[(number - 1) * per_page : number * per_page]
        if number * per_page >= len(items):
            return shown, {}
        following = urlencode({**query, "page": number + 1})
        base = str(request.url.copy_with(query=None))
        return shown, {"Link": f'<{base}?{following}>; rel="next"'}

    def _route(self, method: str, path: list[str], asked: tuple[dict[str, str], Any, str]) -> Answer:  # noqa: PLR0911 - one return per kind of thing
        query, body, token = asked
        match method, path:
            case "GET", ["user"]:
                return _user(token)
            case _, ["issues", *rest]:
                return self._issues(method, rest, body, token)
            case _, ["commits", ref, "check-runs"]:
                return self._checks_of(ref, query)
            case _, ["check-runs", *rest]:
                return self._check_runs(method, rest, body, token)
            case "POST", ["statuses", _]:
                self.statuses.append({**_example("status"), **body, "id": self._next()})
                return 201, self.statuses[-1]
            case _, ["deployments", *rest]:
                return self._deployments(method, rest, query, body)
            case "GET", ["branches", *names]:
                return self._branch("/".join(names))
            case _, ["pulls"]:
                return self._pulls(method, query, body)
            case _:
                return _missing()

    def _issues(self, method: str, path: list[str], body: Any, token: str) -> Answer:
        match method, path:
            case "GET", [number, "comments"]:
                return 200, self.comments.get(int(number), [])
            case "POST", [number, "comments"]:
                return 201, self.add_comment(int(number), body["body"], *_author(token))
            case (("PATCH" | "DELETE"), ["comments", number]):
                return self._comment(method, int(number), body)
            case _:
                return _missing()

    def _checks_of(self, ref: str, query: dict[str, str]) -> Answer:
        named = [
            each for each in self.checks if (each["head_sha"], each["name"]) == (ref, query["check_name"])
        ]
        latest = named[-1:] if query.get("filter") == "latest" else named
        return 200, {"total_count": len(latest), "check_runs": latest}

    def _check_runs(self, method: str, path: list[str], body: Any, token: str) -> Answer:
        if token != APP:
            return 403, _error("You must authenticate via a GitHub App.", "403")
        if method == "POST":
            return 201, self._new_check(body)
        found = next((each for each in self.checks if each["id"] == int(path[0])), None)
        return (200, self._fill(found, body)) if found else _missing()

    def _deployments(self, method: str, path: list[str], query: dict[str, str], body: Any) -> Answer:
        match method, path:
            case "GET", []:
                found = [each for each in self.deployments if _fits(each, query, ("environment", "sha"))]
                return 200, found[::-1]
            case "POST", []:
                return 201, self._new_deployment(body)
            case _, [number, "statuses"]:
                return self._deployment_statuses(method, int(number), body)
            case _:
                return _missing()

    def add_comment(self, number: int, text: str, login: str, kind: str) -> dict[str, Any]:
        """A comment on a pull request, by whomever."""
        made = _example("issue-comment") | {"id": self._next(), "body": text}
        made["html_url"] = f"https://github.com/acme/app/pull/{number}#issuecomment-{made['id']}"
        made["user"] = made["user"] | {"login": login, "type": kind}
        self.comments.setdefault(number, []).append(made)
        return made

    def _comment(self, method: str, number: int, body: Any) -> Answer:
        for listed in self.comments.values():
            for each in listed:
                if each["id"] == number and method == "DELETE":
                    listed.remove(each)
                    return 204, None
                if each["id"] == number:
                    each["body"] = body["body"]
                    return 200, each
        return _missing()

    def _new_check(self, body: Any) -> dict[str, Any]:
        made = _example("check-run-example-of-in-progress-conclusion") | {"id": self._next()}
        made["head_sha"] = body["head_sha"]
        made["all_annotations"] = []
        self.checks.append(made)
        return self._fill(made, body)

    def _fill(self, check: dict[str, Any], body: Any) -> dict[str, Any]:
        output = body.get("output") or {}
        check["name"], check["status"] = body["name"], body.get("status", check["status"])
        check["conclusion"] = body.get("conclusion")
        check["details_url"] = body.get("details_url")
        check["all_annotations"] += output.get("annotations", [])
        check["output"] = {
            **check["output"],
            "title": output.get("title"),
            "summary": output.get("summary"),
            "annotations_count": len(check["all_annotations"]),
        }
        return check

    def _new_deployment(self, body: Any) -> dict[str, Any]:
        example = _example("deployment-items")[0]
        made = example | {"id": self._next(), "ref": body["ref"], "sha": body["ref"]}
        made |= {"environment": body["environment"], "description": body.get("description")}
        self.deployments.append(made)
        return made

    def _deployment_statuses(self, method: str, number: int, body: Any) -> Answer:
        if all(each["id"] != number for each in self.deployments):
            return _missing()
        told = self.deployment_statuses.setdefault(number, [])
        if method == "GET":
            return 200, told[::-1]
        told.append(
            _example("deployment-status") | {"id": self._next(), "environment_url": "", "log_url": ""} | body
        )
        return 201, told[-1]

    def _branch(self, name: str) -> Answer:
        if name not in self.branches:
            return 404, _error("Branch not found", "404")
        found = _example("branch-get") | {"name": name}
        found["commit"] = found["commit"] | {"sha": self.branches[name]}
        return 200, found

    def _pulls(self, method: str, query: dict[str, str], body: Any) -> Answer:
        if method == "GET":
            return 200, [each for each in self.pulls if f"acme:{each['head']['ref']}" == query["head"]]
        made = _example("pull-request") | {"id": self._next(), "title": body["title"], "requested_teams": []}
        made["head"] = made["head"] | {"ref": body["head"]}
        simple = _example("pull-request-simple-items")[0] | {
            "requested_teams": [],
            "html_url": made["html_url"],
            "head": made["head"],
            "base": made["base"] | {"ref": body["base"]},
            "title": body["title"],
        }
        self.pulls.append(simple)
        return 201, made

    def state_of(self, environment: str) -> list[str]:
        """The latest state of each deployment to an environment, the oldest first."""
        return [
            self.deployment_statuses[each["id"]][-1]["state"]
            for each in self.deployments
            if each["environment"] == environment
        ]

    def _next(self) -> int:
        self._ids += 1
        return self._ids

    def _check_request(self, request: httpx.Request) -> None:
        for error in _openapi().iter_request_errors(_as_request(request)):
            self.violations.append(
                f"request {request.method} {request.url.path}: {error!r} {error.__cause__!r}"
            )

    def _check_response(self, request: httpx.Request, response: httpx.Response) -> None:
        if not response.is_success:  # GitHub describes errors per endpoint, and not every one of them
            return
        answer = MockResponse(
            response.content, response.status_code, dict(response.headers), "application/json"
        )
        if response.status_code == 204:
            return
        for error in _openapi().iter_response_errors(_as_request(request), answer):
            self.violations.append(
                f"answer to {request.method} {request.url.path}: {error!r} {error.__cause__!r}"
            )

    @contextmanager
    def served(self) -> Iterator[str]:
        """The fake behind a real port, for other processes; its address."""
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def _do(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                request = httpx.Request(
                    self.command,
                    fake.base + self.path,
                    headers=dict(self.headers),
                    content=self.rfile.read(length),
                )
                answer = fake.handle(request)
                self.send_response(answer.status_code)
                for name, value in answer.headers.items():
                    if name.lower() != "content-length":
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

            do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _do

            def log_message(self, *_words: object) -> None:
                """Silence."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def _as_request(request: httpx.Request) -> MockRequest:
    url = urlsplit(str(request.url))
    return MockRequest(
        HOST,
        request.method.lower(),
        url.path,
        args=dict(parse_qsl(url.query)),
        headers=dict(request.headers),
        data=request.content or None,
    )


@cache
def _examples() -> dict[str, Any]:
    return {name: each["value"] for name, each in api_description()["components"]["examples"].items()}


def _example(name: str) -> Any:
    return copy.deepcopy(_examples()[name])


def _error(message: str, status: str) -> dict[str, str]:
    return {"message": message, "documentation_url": "https://docs.github.com/rest", "status": status}


def _missing() -> Answer:
    return 404, _error("Not Found", "404")


def _user(token: str) -> Answer:
    if token != ANN:
        return 403, _error("Resource not accessible by integration", "403")
    return 200, _example("private-user") | {"login": "ann", "user_view_type": "private"}


def _author(token: str) -> tuple[str, str]:
    return ("ann", "User") if token == ANN else ("github-actions[bot]", "Bot")


def _fits(item: dict[str, Any], query: dict[str, str], names: tuple[str, ...]) -> bool:
    return all(query.get(name) in {None, item[name]} for name in names)
