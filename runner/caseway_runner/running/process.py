"""`run: shell` and `run: script`: a process on this machine, where the policy allows it."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from caseway_runner.activation import Activation
from caseway_runner.calls.resource import Endpoint, fetch, resource_at
from caseway_runner.errors import fault
from caseway_runner.process import Command, run_process
from caseway_runner.running.beside import leave
from caseway_runner.running.result import returned
from caseway_runner.scope import Scope
from caseway_runner.template import Template, constant

_LANGUAGES = {"python": "python", "javascript": "javascript", "js": "javascript"}


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
        work = run_process(self._command(activation, values), activation.hear)
        if self.awaits:
            done = await work
            return returned("process", self.returns, done.code, done.stdout, done.stderr)
        leave(activation, work)
        return activation.input

    async def _values(self, activation: Activation) -> dict[str, Any]:
        environment = await activation.fill(self.environment)
        return {
            "code" if self.language else "command": await self._code(activation),
            "language": self.language,
            "arguments": await activation.fill(self.arguments),
            "stdin": text_of(await activation.fill(self.stdin)) if self.stdin is not None else "",
            "environment": {str(key): text_of(value) for key, value in environment.items()},
        }

    async def _code(self, activation: Activation) -> str:
        if self.source is None:
            return text_of(await activation.fill(self.code))
        _, content = await fetch(self.source, activation)
        return content.decode("utf-8", "replace")

    def _command(self, activation: Activation, values: Mapping[str, Any]) -> Command:
        ports = activation.run.session.ports
        arguments = values["arguments"]
        named = arguments if isinstance(arguments, Mapping) else {}
        listed = [
            text_of(value)
            for value in (arguments.values() if named and not self.language else arguments or ())
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


def text_of(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def compile_process(
    value: Any, scope: Scope, is_script: bool, returns: str, awaits: bool
) -> ProcessBody | None:
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


def _arguments(fields: Mapping[str, Any], scope: Scope, is_script: bool) -> Any:
    arguments = fields.get("arguments", [])
    if not isinstance(arguments, list | Mapping | str):
        scope.at("arguments").report("schema", "expected a list")
        return []
    for number, item in enumerate(arguments) if isinstance(arguments, list) else ():
        if not isinstance(item, str):
            scope.at("arguments", str(number)).report("schema", "expected text", f'write "{item}" in quotes')
    if is_script and isinstance(arguments, Mapping):
        for name in arguments:
            scope.at("arguments").variable({str(name): str(name)}, str(name), "")
    return arguments
