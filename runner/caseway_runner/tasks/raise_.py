"""`raise`: faults with an error defined here or in use.errors. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from caseway_runner.activation import Activation
from caseway_runner.errors import Fault, fault
from caseway_runner.expression import unwrap
from caseway_runner.outcome import WorkflowError
from caseway_runner.scope import Scope
from caseway_runner.template import Template

KEYS = frozenset({"raise"})


@dataclass(frozen=True, slots=True)
class RaiseBody:
    """The error as a template."""

    error: Template
    nature: ClassVar[str] = "pure"

    async def run(self, activation: Activation) -> Any:
        """Never returns."""
        values = await activation.fill(self.error)
        status = values["status"]
        if isinstance(status, str) and status.isdecimal():
            status = int(status)
        if isinstance(status, bool) or not isinstance(status, int | float):
            raise fault("expression", f"the error's status is {status!r}, not a number")
        raise Fault(
            WorkflowError(
                type=str(values["type"]),
                status=int(status),
                title=_text(values.get("title")),
                detail=_text(values.get("detail")),
                instance=activation.reference,
            )
        )


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def compile_body(source: Mapping[str, Any], scope: Scope) -> RaiseBody | None:
    """`raise.error`: a definition, or the name of one."""
    place = scope.at("raise")
    fields = place.mapping(source["raise"], {"error"}, ("error",))
    if fields is None:
        return None
    value, spot = fields["error"], place.at("error")
    if isinstance(value, str):
        found = spot.reused("errors", value)
        if found is None:
            return None
        value, spot = found
    error = spot.mapping(value, {"type", "status", "instance", "title", "detail"}, ("type", "status"))
    if error is None:
        return None
    status = error["status"]
    is_expression = isinstance(status, str) and unwrap(status) is not None
    if isinstance(status, bool) or not (isinstance(status, int) or is_expression):
        spot.at("status").report("schema", "expected a status code such as 400")
    for key in ("type", "title", "detail", "instance"):
        spot.text(error, key)
    return RaiseBody(spot.template(dict(error)))
