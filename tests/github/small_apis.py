"""What the documentation of GitLab (API v4) and Gitea (API v1) says of the requests that Caseway makes: the
parameters each knows, what they may hold, and what is answered. Both sides of the small forges are judged.

Written by hand from the documentation, for neither is to be had as a package: as far as it is used, and
strict, so that a parameter which a forge does not know is an error and not silently ignored."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jsonschema import Draft202012Validator

Schema = dict[str, Any]
TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "integer", "minimum": 1}
YES: Schema = {"type": "boolean"}
SHA: Schema = {"type": "string", "pattern": "^[0-9a-f]{40}$"}
URL: Schema = {"type": "string", "pattern": "^https?://"}


def some(*words: str) -> Schema:
    """One of these words."""
    return {"enum": list(words)}


def what(required: Mapping[str, Schema], /, **optional: Schema) -> Schema:
    """An object of a request: nothing but these members."""
    return {
        "type": "object",
        "required": list(required),
        "properties": {**required, **optional},
        "additionalProperties": False,
    }


def has(**members: Schema) -> Schema:
    """An object of an answer: at least these members."""
    return {"type": "object", "required": list(members), "properties": members}


def many(item: Schema) -> Schema:
    return {"type": "array", "items": item}


@dataclass(frozen=True)
class Endpoint:
    """`query` are the parameters it knows (in a query everything is text), `body` what it takes, `answers`
    what it gives by status; without an entry a 4xx has a message."""

    answers: Mapping[int, Schema | None]
    body: Schema | None = None
    query: Mapping[str, Schema] = field(default_factory=dict)


PAGED = {"page": TEXT, "per_page": {"type": "string", "pattern": "^([1-9][0-9]?|100)$"}}
NOTE = has(id=NUMBER, body=TEXT, author=has(username=TEXT))
STATES = some("pending", "running", "success", "failed", "canceled", "skipped")
DEPLOYED = some("running", "success", "failed", "canceled")
DEPLOYMENT = has(id=NUMBER, sha=SHA, ref=TEXT, status=TEXT)
ENVIRONMENT = has(id=NUMBER, name=TEXT, state=some("available", "stopping", "stopped"))
MERGE_REQUEST = has(web_url=URL, source_branch=TEXT, target_branch=TEXT)
_NOTE_BODY = {"type": "string", "minLength": 1, "maxLength": 1_000_000}
GITLAB: Mapping[str, Endpoint] = {
    "GET /user": Endpoint({200: has(username=TEXT)}),
    "GET /projects/{id}/merge_requests/{iid}/notes": Endpoint(
        {200: many(NOTE)},
        query={**PAGED, "sort": some("asc", "desc"), "order_by": some("created_at", "updated_at")},
    ),
    "POST /projects/{id}/merge_requests/{iid}/notes": Endpoint(
        {201: NOTE}, what({"body": _NOTE_BODY}, internal=YES, created_at=TEXT)
    ),
    "PUT /projects/{id}/merge_requests/{iid}/notes/{note}": Endpoint({200: NOTE}, what({"body": _NOTE_BODY})),
    "DELETE /projects/{id}/merge_requests/{iid}/notes/{note}": Endpoint({204: None}),
    "GET /projects/{id}/repository/branches/{branch}": Endpoint({200: has(commit=has(id=SHA))}),
    "POST /projects/{id}/statuses/{sha}": Endpoint(
        {201: has(sha=SHA, name=TEXT, state=STATES)},
        what(
            {"state": STATES},
            ref=TEXT,
            name=TEXT,
            context=TEXT,
            target_url={**URL, "maxLength": 255},
            description={"type": "string", "maxLength": 255},
            coverage={"type": "number"},
            pipeline_id=NUMBER,
        ),
    ),
    "GET /projects/{id}/deployments": Endpoint(
        {200: many(DEPLOYMENT)},
        query={
            **PAGED,
            "order_by": some("id", "iid", "created_at", "updated_at", "finished_at", "ref"),
            "sort": some("asc", "desc"),
            "environment": TEXT,
            "status": TEXT,
        },
    ),
    "POST /projects/{id}/deployments": Endpoint(
        {201: DEPLOYMENT},
        what({"environment": TEXT, "sha": SHA, "ref": TEXT, "tag": YES, "status": DEPLOYED}),
    ),
    "PUT /projects/{id}/deployments/{deployment}": Endpoint({200: DEPLOYMENT}, what({"status": DEPLOYED})),
    "GET /projects/{id}/environments": Endpoint(
        {200: many(ENVIRONMENT)}, query={**PAGED, "name": TEXT, "search": TEXT, "states": TEXT}
    ),
    "POST /projects/{id}/environments/{environment}/stop": Endpoint({200: ENVIRONMENT}, what({}, force=YES)),
    "GET /projects/{id}/merge_requests": Endpoint(
        {200: many(MERGE_REQUEST)},
        query={
            **PAGED,
            "state": some("opened", "closed", "locked", "merged"),
            "source_branch": TEXT,
            "target_branch": TEXT,
        },
    ),
    "POST /projects/{id}/merge_requests": Endpoint(
        {201: MERGE_REQUEST},
        what(
            {"source_branch": TEXT, "target_branch": TEXT, "title": {"type": "string", "maxLength": 255}},
            description=TEXT,
            remove_source_branch=YES,
        ),
    ),
}

COMMENT = has(id=NUMBER, body=TEXT, user=has(login=TEXT), html_url=URL)
PULL = has(html_url=URL, head=has(ref=TEXT), base=has(ref=TEXT))
_REPO = "/repos/{owner}/{repo}"
GITEA: Mapping[str, Endpoint] = {
    "GET /user": Endpoint({200: has(login=TEXT)}),
    f"GET {_REPO}/issues/{{index}}/comments": Endpoint(
        {200: many(COMMENT)}, query={"since": TEXT, "before": TEXT}
    ),
    f"POST {_REPO}/issues/{{index}}/comments": Endpoint(
        {201: COMMENT}, what({"body": {**TEXT, "minLength": 1}}, updated_at=TEXT)
    ),
    f"PATCH {_REPO}/issues/comments/{{id}}": Endpoint({200: COMMENT}, what({"body": TEXT}, updated_at=TEXT)),
    f"DELETE {_REPO}/issues/comments/{{id}}": Endpoint({204: None}),
    f"POST {_REPO}/statuses/{{sha}}": Endpoint(
        {201: has(id=NUMBER, context=TEXT, status=TEXT)},
        what(
            {"state": some("pending", "success", "error", "failure", "warning")},
            context=TEXT,
            description=TEXT,
            target_url={"anyOf": [URL, {"const": ""}]},
        ),
    ),
    f"GET {_REPO}/branches/{{branch}}": Endpoint({200: has(commit=has(id=SHA))}),
    f"GET {_REPO}/pulls": Endpoint(
        {200: many(PULL)},
        query={"state": some("open", "closed", "all"), "page": TEXT, "limit": TEXT, "base_branch": TEXT},
    ),
    f"POST {_REPO}/pulls": Endpoint(
        {201: PULL}, what({"title": TEXT, "head": TEXT, "base": TEXT}, body=TEXT, assignee=TEXT)
    ),
}


def wrongs(
    api: Mapping[str, Endpoint],
    asked: tuple[str, str, Mapping[str, str], Any],
    answered: tuple[int, Any],
) -> list[str]:
    """What is wrong with a request (method, raw path, query, body) or its answer (status, JSON)."""
    method, path, query, body = asked
    status, answer = answered
    name = f"{method} {path}"
    endpoint = next((each for key, each in api.items() if _pattern(key).fullmatch(name)), None)
    if endpoint is None:
        return [f"{name}: there is no such endpoint"]
    if status not in endpoint.answers and not 400 <= status < 500:
        return [f"{name}: {status} is no answer of it"]
    expected = endpoint.answers.get(status, has(message=TEXT))
    checks = [
        ("query", what({}, **endpoint.query), dict(query)),
        ("body", endpoint.body or {"type": "null"}, body),
        ("answer", expected or {"type": "null"}, answer),
    ]
    return [
        f"{name}: {part}: {error.message}"
        for part, schema, value in checks
        for error in Draft202012Validator(schema).iter_errors(value)
    ]


def _pattern(key: str) -> re.Pattern[str]:
    return re.compile("".join("[^/]+" if part.startswith("{") else re.escape(part) for part in _parts(key)))


def _parts(key: str) -> list[str]:
    return re.split(r"(\{\w+\})", key)
