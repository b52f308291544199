"""Whether the caller may have an operation carried out on what it is about.

Rule: asked before an operation runs, whoever asks; what a list shows is the list's own condition."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from caseway.model.access import Subject
from caseway.model.errors import CasewayError
from caseway.operations.operation import Operating, Operation
from caseway.platform.access import guard

Find = Callable[[Operating, Any, str], Subject | None]


def require(operating: Operating, operation: Operation, request: Any) -> None:
    """Raise `CasewayError`: `unauthenticated` when nobody knows who asks, `forbidden` when they may not,
    `not-found` for what is not there or not to be known of."""
    caller = operating.caller
    subject = _FINDERS[operation.about](operating, request, operation.by)
    if subject is None and caller.kind == "local":
        return  # what is not there the operation itself says in better words
    if subject is None:
        guard.require(caller, operation.permission, _nothing(operating))
        raise CasewayError(
            f"there is no such {operation.about}",
            code="not-found",
            hint="there is no such thing, or it is not shared with you",
        )
    guard.require(caller, operation.permission, subject)


def _nothing(operating: Operating) -> Subject:
    """What a thing that is not there is judged as: whoever nobody knows shall hear that first."""
    return Subject(operating.organization)


def _organization(operating: Operating, _request: Any, _by: str) -> Subject | None:
    return guard.organization_subject(operating.caller)


def _project(operating: Operating, request: Any, by: str) -> Subject | None:
    return guard.project_subject(operating.caller, getattr(request, by))


def _process(operating: Operating, request: Any, by: str) -> Subject | None:
    return guard.subject_of_process(operating.platform, operating.caller, getattr(request, by))


def _instance(operating: Operating, request: Any, by: str) -> Subject | None:
    return guard.subject_of_instance(operating.platform, operating.caller, getattr(request, by))


def _execution(operating: Operating, request: Any, by: str) -> Subject | None:
    return guard.subject_of_execution(operating.platform, operating.caller, getattr(request, by))


def _credential(operating: Operating, request: Any, _by: str) -> Subject | None:
    return guard.subject_of_credential(operating.platform, operating.caller, request.scope, request.owner)


_FINDERS: Mapping[str, Find] = {
    "": _organization,
    "project": _project,
    "process": _process,
    "instance": _instance,
    "execution": _execution,
    "credential": _credential,
}
