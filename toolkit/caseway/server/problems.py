"""Errors as RFC 9457 problem documents: one table says which status an error code has."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi.responses import JSONResponse

from caseway.model.errors import CasewayError

MEDIA_TYPE = "application/problem+json"
TYPE = "urn:caseway:error:"

# What is not named here is what the caller got wrong: 400.
STATUSES: Mapping[str, int] = {
    "signature": 401,
    "unauthenticated": 401,
    "approval-token": 403,
    "forbidden": 403,
    "not-an-approver": 403,
    "no-such-operation": 404,
    "no-such-target": 404,
    "no-trigger": 404,
    "not-found": 404,
    "method-not-allowed": 405,
    "ambiguous": 409,
    "apply-id-taken": 409,
    "blobs-missing": 409,
    "approval-decided": 409,
    "approval-ended": 409,
    "never-started": 409,
    "which-approval": 409,
    "confirm": 409,
    "conflict": 409,
    "claim-lost": 409,
    "idempotency-in-progress": 409,
    "illegal-transition": 409,
    "in-use": 409,
    "last-owner": 409,
    "lease-held": 409,
    "lease-lost": 409,
    "name-taken": 409,
    "not-active": 409,
    "not-claimable": 409,
    "not-deployed": 409,
    "one-instance": 409,
    "plan-blocked": 409,
    "plan-stale": 409,
    "token-ended": 409,
    "version-conflict": 409,
    "archived": 410,
    "approval-expired": 410,
    "gone": 410,
    "changed": 412,
    "too-large": 413,
    "media-type": 415,
    "approval-data": 422,
    "digest-mismatch": 422,
    "no-such-task": 422,
    "idempotency-key-reused": 422,
    "invalid-input": 422,
    "invalid-request": 422,
    "too-many-requests": 429,
    "bug": 500,
    "credential-refresh": 502,
    "issuer": 502,
    "database": 503,
    "schema-new": 503,
    "schema-old": 503,
}


def status_of(code: str) -> int:
    """The HTTP status of an error code."""
    return STATUSES.get(code, 400)


def document(error: CasewayError, status: int = 0) -> dict[str, Any]:
    """The problem document of an error."""
    status = status or status_of(error.code)
    told: dict[str, Any] = {
        "type": TYPE + error.code,
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": error.message,
        "code": error.code,
    }
    for name, value in (("place", error.place), ("hint", error.hint)):
        if value:
            told[name] = value
    errors = getattr(error, "errors", ())
    if errors:
        told["errors"] = [{"field": item.field, "message": item.message} for item in errors]
    return told


def answer(error: CasewayError, *, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The response that tells of an error."""
    told = document(error)
    more = dict(headers or {})
    if told["status"] == HTTPStatus.UNAUTHORIZED:
        more["WWW-Authenticate"] = "Bearer"
    return JSONResponse(told, told["status"], more, MEDIA_TYPE)
