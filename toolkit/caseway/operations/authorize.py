"""Whether the caller may have an operation carried out. The embedded caller always may, in its organization.

The rule: what is not there and what is not to be known of are refused in the same words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from caseway.model.access import Permission, Subject
from caseway.operations.operation import Operating, Operation
from caseway.platform import applies, kept_plans, runtimes
from caseway.platform.access import guard

Find = Callable[[Operating, Operation, Any], Subject | None]


def require(operating: Operating, operation: Operation, request: Any) -> None:
    """Raise `CasewayError`: `unauthenticated` when nobody knows who asks, `forbidden` when they may not,
    `not-found` when they may not even know that there is such a thing."""
    if operation.permission is Permission.SIGN_IN:
        return
    require_somebody(operating, operation)
    subject = SUBJECTS[operation.about](operating, operation, request)
    if subject is not None:
        guard.require(operating.caller, operation.permission, subject)
        if operation.about in {"process", "instance"} and operation.is_write:
            guard.require_owner(operating.caller, str(getattr(request, "owner", "")))
    elif operating.caller.kind != "local":  # who sees everything is told more by the operation itself
        guard.refuse_hidden(operation.about)


def require_somebody(operating: Operating, operation: Operation) -> None:
    """Raise `unauthenticated` when nobody knows who asks: that is told before anything about the request."""
    if operating.caller.kind == "anonymous" and operation.permission is not Permission.SIGN_IN:
        guard.refuse_nobody(operation.name)


def _organization(operating: Operating, _operation: Operation, _request: Any) -> Subject:
    return guard.organization_subject(operating.caller)


def _project(operating: Operating, operation: Operation, request: Any) -> Subject:
    return guard.project_subject(operating.caller, _named(operation, request))


def _process(operating: Operating, operation: Operation, request: Any) -> Subject | None:
    return guard.subject_of_process(operating.platform, operating.caller, _named(operation, request))


def _instance(operating: Operating, operation: Operation, request: Any) -> Subject | None:
    return guard.subject_of_instance(operating.platform, operating.caller, _named(operation, request))


def _execution(operating: Operating, operation: Operation, request: Any) -> Subject | None:
    return guard.subject_of_execution(operating.platform, operating.caller, _named(operation, request))


def _credential(operating: Operating, _operation: Operation, request: Any) -> Subject | None:
    return guard.subject_of_credential(operating.platform, operating.caller, request.scope, request.owner)


def _key(operating: Operating, operation: Operation, request: Any) -> Subject | None:
    return guard.subject_of_key(operating.platform, operating.caller, _named(operation, request))


def _deploying(operating: Operating, _operation: Operation, _request: Any) -> Subject:
    """What is uploaded before anybody says for which project: the one that the token is for, or any."""
    return guard.project_subject(operating.caller, operating.caller.project)


def _plan(operating: Operating, operation: Operation, request: Any) -> Subject | None:
    project = kept_plans.project_of(operating.platform, operating.organization, _named(operation, request))
    return None if project is None else guard.project_subject(operating.caller, project)


def _apply(operating: Operating, operation: Operation, request: Any) -> Subject | None:
    project = applies.project_of(operating.platform, operating.organization, _named(operation, request))
    return None if project is None else guard.project_subject(operating.caller, project)


def _runtime(operating: Operating, operation: Operation, request: Any) -> Subject | None:
    project = runtimes.project_of(operating.platform, operating.organization, _named(operation, request))
    return None if project is None else guard.project_subject(operating.caller, project)


def _named(operation: Operation, request: Any) -> str:
    return str(getattr(request, operation.by))


# By what an operation is about: how its subject is found. A new kind of thing takes a place here.
SUBJECTS: Mapping[str, Find] = {
    "": _organization,
    "organization": _organization,
    "project": _project,
    "process": _process,
    "instance": _instance,
    "execution": _execution,
    "credential": _credential,
    "key": _key,
    "deploying": _deploying,
    "plan": _plan,
    "apply": _apply,
    "runtime": _runtime,
}
