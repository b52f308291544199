"""The errors a workflow can raise, and the two ways an execution stops. Pure values: nothing here runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from caseway_runner.outcome import WorkflowError

SPEC_ERRORS = "https://serverlessworkflow.io/spec/1.0.0/errors/"
# The conformance features write standard types this way; both spellings name the same error.
ALIAS_ERRORS = "https://serverlessworkflow.io/dsl/errors/types/"
# What an approval that was refused raises.
REJECTED = "https://caseway.dev/errors/rejected"

_STATUS = {
    "configuration": 400,
    "validation": 400,
    "expression": 400,
    "authentication": 401,
    "authorization": 403,
    "timeout": 408,
    "communication": 500,
    "runtime": 500,
}
_TITLE = {
    "configuration": "Configuration Error",
    "validation": "Validation Error",
    "expression": "Expression Error",
    "authentication": "Authentication Error",
    "authorization": "Authorization Error",
    "timeout": "Timeout",
    "communication": "Communication Error",
    "runtime": "Runtime Error",
}


class Fault(Exception):
    """A workflow error on its way up; `try` may catch it."""

    def __init__(self, error: WorkflowError) -> None:
        super().__init__(f"{error.type} ({error.status}): {error.title} {error.detail}".strip())
        self.error = error

    def placed(self, reference: str) -> Fault:
        """The same fault, with `reference` as its instance when it has none yet."""
        if self.error.instance:
            return self
        error = self.error
        return Fault(WorkflowError(error.type, error.status, error.title, error.detail, reference))


class LimitExceeded(Exception):
    """A bound of the policy was hit. No `try` catches it: the execution ends faulted, reason `limit`."""


def fault(kind: str, detail: str, *, status: int = 0, title: str = "", instance: str = "") -> Fault:
    """A fault of a standard kind (`communication`, `timeout`, …) with its default status and title."""
    return Fault(
        WorkflowError(
            SPEC_ERRORS + kind, status or _STATUS[kind], title or _TITLE[kind], detail[:4000], instance
        )
    )


def canonical_type(uri: str) -> str:
    """The type URI under its specification spelling, so that both spellings compare equal."""
    return SPEC_ERRORS + uri[len(ALIAS_ERRORS) :] if uri.startswith(ALIAS_ERRORS) else uri


def error_from_json(value: Mapping[str, Any]) -> WorkflowError:
    """The error that `WorkflowError.as_json` wrote."""
    return WorkflowError(
        str(value.get("type", "")),
        int(value.get("status", 500)),
        str(value.get("title", "")),
        str(value.get("detail", "")),
        str(value.get("instance", "")),
    )


def limit_error(reason: str) -> WorkflowError:
    """How a hit limit is shown."""
    return fault("runtime", reason, title="Limit exceeded", instance="/").error
