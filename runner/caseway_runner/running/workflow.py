"""`run: workflow`: another workflow, found by its name when the task runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from caseway_runner.activation import Activation
from caseway_runner.errors import Fault, fault
from caseway_runner.interpret import run_program
from caseway_runner.problem import InvalidWorkflow
from caseway_runner.running.beside import leave
from caseway_runner.scope import Scope
from caseway_runner.session import Run
from caseway_runner.template import Template


@dataclass(frozen=True, slots=True)
class WorkflowBody:
    """Another workflow, found by its name when the task runs."""

    namespace: str
    name: str
    version: str
    value: Template | None
    returns: str
    awaits: bool
    nature: ClassVar[str] = "composite"

    async def run(self, activation: Activation) -> Any:
        """The other workflow's output."""
        value = activation.input if self.value is None else await activation.fill(self.value)
        arguments = {"namespace": self.namespace, "name": self.name, "version": self.version, "input": value}
        is_stubbed, answer = activation.stubbed("workflow", arguments)
        if is_stubbed:
            return answer
        work = self._child(activation, value)
        if self.awaits:
            output = await work
            return None if self.returns == "none" else output
        leave(activation, work)
        return activation.input

    async def _child(self, activation: Activation, value: Any) -> Any:
        run = activation.run
        label = f"{self.namespace}/{self.name}:{self.version}"
        try:
            document = run.session.ports.workflows(self.namespace, self.name, self.version)
            program = run.session.compile(document)
        except KeyError:
            raise fault("configuration", f"there is no workflow {label}") from None
        except InvalidWorkflow as error:
            raise fault("configuration", f"the workflow {label} is not valid: {error}") from error
        child = Run(
            session=run.session,
            program=program,
            raw_input=value,
            started_at=activation.started_at,
            depth=run.depth + 1,
            position=activation.position,
            reference=activation.reference,
        )
        try:
            return await run_program(child, activation.strand)
        except Fault as raised:
            raise raised.placed(activation.reference) from None


def compile_workflow_run(value: Any, scope: Scope, returns: str, awaits: bool) -> WorkflowBody | None:
    fields = scope.mapping(value, {"namespace", "name", "version", "input"}, ("namespace", "name"))
    if fields is None:
        return None
    given = fields.get("input", {})
    if not isinstance(given, Mapping) and not scope.is_expression(given):
        scope.at("input").report("schema", "expected an object or a runtime expression")
    return WorkflowBody(
        namespace=scope.text(fields, "namespace"),
        name=scope.text(fields, "name"),
        version=scope.text(fields, "version", "latest"),
        value=scope.at("input").template(fields["input"]) if "input" in fields else None,
        returns=returns,
        awaits=awaits,
    )
