"""`run`: a shell command, a script, or another workflow. Containers are not supported yet."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from caseway_runner.activation import Activation
from caseway_runner.calls.resource import Endpoint, fetch, resource_at
from caseway_runner.errors import Fault, fault
from caseway_runner.interpret import run_program
from caseway_runner.problem import InvalidWorkflow
from caseway_runner.process import Command, Result, run_process
from caseway_runner.scope import Scope
from caseway_runner.session import Run
from caseway_runner.template import Template, constant

KEYS = frozenset({"run"})
_KINDS = ("container", "script", "shell", "workflow")
_RETURNS = ("stdout", "stderr", "code", "all", "none")
_LANGUAGES = {"python": "python", "javascript": "javascript", "js": "javascript"}
# These returns show what happened, so a process that fails is a result there and an error elsewhere.
_TOLERANT = frozenset({"code", "all", "stderr"})


@dataclass(frozen=True, slots=True)
class ProcessBody:
    """A shell command (language "") or a script."""

    language: str
    code: Template
    arguments: Template
    stdin: Template | None
    environment: Template
    returns: str
    awaits: bool
    source: Endpoint | None = None
    nature: ClassVar[str] = "effect"

    async def run(self, activation: Activation) -> Any:
        """What `return` asks for; the input when the process is not awaited."""
        values = await self._values(activation)
        kind = "script" if self.language else "shell"
        is_stubbed, answer = activation.stubbed(kind, values)
        if is_stubbed:
            return answer
        if not activation.run.session.ports.policy.processes:
            raise fault("authorization", f"the policy does not allow `run: {kind}` on this host")
        work = run_process(self._command(activation, values))
        if self.awaits:
            return self._returned(await work)
        _leave(activation, work)
        return activation.input

    async def _values(self, activation: Activation) -> dict[str, Any]:
        environment = await activation.fill(self.environment)
        return {
            "code" if self.language else "command": await self._code(activation),
            "language": self.language,
            "arguments": await activation.fill(self.arguments),
            "stdin": _text(await activation.fill(self.stdin)) if self.stdin is not None else "",
            "environment": {str(key): _text(value) for key, value in environment.items()},
        }

    async def _code(self, activation: Activation) -> str:
        if self.source is None:
            return _text(await activation.fill(self.code))
        _, content = await fetch(self.source, activation)
        return content.decode("utf-8", "replace")

    def _command(self, activation: Activation, values: Mapping[str, Any]) -> Command:
        ports = activation.run.session.ports
        arguments = values["arguments"]
        named = arguments if isinstance(arguments, Mapping) else {}
        listed = [
            _text(value) for value in (arguments.values() if named and not self.language else arguments or ())
        ]
        if named and self.language:
            listed = []
        limits = ports.policy.limits
        start, files, memory = _start(self.language, values, named)
        return Command(
            arguments=[*start, *listed],
            stdin=str(values["stdin"]).encode(),
            environment={**ports.environment, **values["environment"]},
            files=files,
            cpu_seconds=max(1, int(limits.wall_seconds)),
            memory_bytes=memory,
            output_bytes=limits.output_bytes,
        )

    def _returned(self, result: Result) -> Any:
        if result.code != 0 and self.returns not in _TOLERANT:
            detail = f"the process ended with code {result.code}: {result.stderr.strip()[-2000:]}"
            raise fault("runtime", detail)
        values = {"code": result.code, "stdout": result.stdout, "stderr": result.stderr}
        return values if self.returns == "all" else values.get(self.returns)


def _start(
    language: str, values: Mapping[str, Any], named: Mapping[str, Any]
) -> tuple[list[str], dict[str, str], int]:
    """How to start: the command line, the files it needs, the bound on its address space."""
    if not language:
        return ["/bin/sh", "-c", str(values["command"]), "sh"], {}, 4 << 30
    if language == "python":
        given = "".join(
            f"{name} = __import__('json').loads({json.dumps(json.dumps(value))})\n"
            for name, value in named.items()
        )
        return [sys.executable, "-I", "{dir}/script.py"], {"script.py": given + values["code"]}, 4 << 30
    node = shutil.which("node")
    if node is None:
        raise fault("configuration", "JavaScript needs node, which is not installed here")
    given = "".join(f"const {name} = {json.dumps(value)};\n" for name, value in named.items())
    return [node, "{dir}/script.mjs"], {"script.mjs": given + values["code"]}, 0


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _leave(activation: Activation, work: Any) -> None:
    """Let `work` go on beside the execution, which ends only after it."""
    background = activation.run.session.background
    task = asyncio.ensure_future(_working(activation, work))
    background.add(task)
    task.add_done_callback(background.discard)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())


async def _working(activation: Activation, work: Any) -> Any:
    with activation.run.session.parking.working():
        return await work


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
        _leave(activation, work)
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


def compile_body(source: Mapping[str, Any], scope: Scope) -> ProcessBody | WorkflowBody | None:
    """`run` with one kind of process."""
    place = scope.at("run")
    fields = place.mapping(source["run"], {*_KINDS, "await", "return"})
    if fields is None:
        return None
    found = [kind for kind in _KINDS if kind in fields]
    if len(found) != 1:
        place.report("schema", f"expected exactly one of {', '.join(_KINDS)}")
        return None
    awaits, returns = place.flag(fields, "await", True), place.choice(fields, "return", _RETURNS)
    spot, value = place.at(found[0]), fields[found[0]]
    if found[0] == "container":
        spot.report("unsupported", "`run: container` is not supported yet")
        return None
    if found[0] == "workflow":
        return _workflow(value, spot, returns, awaits)
    return _process(value, spot, found[0] == "script", returns, awaits)


def _workflow(value: Any, scope: Scope, returns: str, awaits: bool) -> WorkflowBody | None:
    fields = scope.mapping(value, {"namespace", "name", "version", "input"}, ("namespace", "name"))
    if fields is None:
        return None
    return WorkflowBody(
        namespace=scope.text(fields, "namespace"),
        name=scope.text(fields, "name"),
        version=scope.text(fields, "version", "latest"),
        value=scope.at("input").template(fields["input"]) if "input" in fields else None,
        returns=returns,
        awaits=awaits,
    )


def _arguments(fields: Mapping[str, Any], scope: Scope, is_script: bool) -> Any:
    arguments = fields.get("arguments", [])
    if not isinstance(arguments, list | Mapping | str):
        scope.at("arguments").report("schema", "expected a list")
        return []
    if is_script and isinstance(arguments, Mapping):
        for name in arguments:
            scope.at("arguments").variable({str(name): str(name)}, str(name), "")
    return arguments


def _process(value: Any, scope: Scope, is_script: bool, returns: str, awaits: bool) -> ProcessBody | None:
    common = {"stdin", "arguments", "environment"}
    keys = {*common, "language", "code", "source"} if is_script else {*common, "command"}
    fields = scope.mapping(value, keys, ("language",) if is_script else ("command",))
    if fields is None:
        return None
    language, key = "", "command"
    resource: Endpoint | None = None
    if is_script:
        key = "code"
        name = scope.text(fields, "language")
        language = _LANGUAGES.get(name.lower(), "")
        if not language:
            scope.at("language").report(
                "unsupported", f"scripts in '{name[:40]}'", "use python or javascript"
            )
        if ("source" in fields) == ("code" in fields):
            scope.report("schema", "expected exactly one of code, source")
            return None
        resource = resource_at(fields["source"], scope.at("source")) if "source" in fields else None
        if "source" in fields and resource is None:
            return None
    arguments = _arguments(fields, scope, is_script)
    environment = fields.get("environment", {})
    if not isinstance(environment, Mapping):
        scope.at("environment").report("schema", "expected an object")
        environment = {}
    return ProcessBody(
        language=language,
        code=scope.at(key).template(scope.text(fields, key)),
        arguments=scope.at("arguments").template(arguments),
        stdin=scope.at("stdin").template(fields["stdin"]) if "stdin" in fields else None,
        environment=scope.at("environment").template(environment) if environment else constant({}),
        returns=returns,
        awaits=awaits,
        source=resource,
    )


__all__ = ["KEYS", "ProcessBody", "WorkflowBody", "compile_body"]
