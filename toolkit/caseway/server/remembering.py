"""Idempotency keys: the same request under the same key gives the answer that was given before.

Rule: an answer that shows a secret is kept encrypted."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from fastapi.responses import JSONResponse, Response

from caseway.model.canonical import digest
from caseway.model.errors import CasewayError
from caseway.operations.operation import Operating, Operation
from caseway.platform import answered
from caseway.server.problems import document, status_of

_KEY = re.compile(r"^[\x21-\x7e]{1,200}$")


def remembered(
    operating: Operating,
    operation: Operation,
    key: str,
    asked: tuple[Mapping[str, Any], Callable[[], dict[str, Any]]],
) -> Response:
    """The answer to what was asked (its fields, and the work it means): done now, or told again."""
    if not _KEY.match(key):
        raise CasewayError(
            "an Idempotency-Key is 1 to 200 visible ASCII characters",
            code="bad-request",
            place="Idempotency-Key",
        )
    given, work = asked
    platform, caller = operating.platform, operating.caller
    question = answered.Question(
        organization=caller.organization,
        caller=f"{caller.kind}:{caller.id}",
        key=key,
        request=digest([operation.name, dict(given)]),
        is_secret=operation.is_secret,
    )
    known = answered.begin(platform, question)
    if known is not None:
        return _again(known.status, known.body)
    try:
        status, told = operation.status, work()
    except CasewayError as error:
        status, told = status_of(error.code), document(error)
        if status >= 500:
            answered.forget(platform, question)
            raise
        answered.keep(platform, question, status, told)
        raise
    except BaseException:
        answered.forget(platform, question)
        raise
    answered.keep(platform, question, status, told)
    return JSONResponse(told, status)


def _again(status: int, body: Any) -> Response:
    kind = "application/problem+json" if status >= 400 else "application/json"
    return JSONResponse(body, status, {"Idempotent-Replayed": "true"}, kind)
