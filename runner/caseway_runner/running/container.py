"""`run: container`: a container, through the engine of the `containers` port."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from caseway_runner.activation import Activation
from caseway_runner.containers import ContainerError, ContainerRequest
from caseway_runner.errors import fault
from caseway_runner.expression import Expression
from caseway_runner.running.beside import leave
from caseway_runner.running.process import text_of
from caseway_runner.running.result import returned
from caseway_runner.scope import Scope
from caseway_runner.template import Template

_TEXTS = ("image", "name", "command", "stdin")
_MAPS = ("environment", "ports", "volumes")
_KEYS = frozenset({*_TEXTS, *_MAPS, "arguments", "lifetime", "pullPolicy"})
_PULL_POLICIES = ("ifNotPresent", "always", "never")
_CLEANUPS = ("never", "eventually", "always")


@dataclass(frozen=True, slots=True)
class ContainerBody:
    """What to run; `fields` are the properties that expressions may fill."""

    fields: Template
    pull_policy: str
    cleanup: str
    cleanup_after: float | Expression
    returns: str
    awaits: bool
    nature: ClassVar[str] = "effect"

    async def run(self, activation: Activation) -> Any:
        """What `return` asks for; the input when the container is not awaited."""
        values = await activation.fill(self.fields)
        is_stubbed, answer = activation.stubbed("container", values)
        if is_stubbed:
            return answer
        if activation.run.session.ports.containers is None:
            raise fault("configuration", "`run: container` needs a container engine, and there is none here")
        work = self._ended(activation, await self._request(activation, values))
        if self.awaits:
            return await work
        leave(activation, work)
        return activation.input

    async def _request(self, activation: Activation, values: Mapping[str, Any]) -> ContainerRequest:
        arguments = values.get("arguments") or ()
        if not isinstance(arguments, list | tuple):
            raise fault("expression", "the arguments of a container are a list")
        return ContainerRequest(
            key=activation.key,
            image=_text(values.get("image")),
            name=_text(values.get("name")),
            command=_text(values.get("command")),
            arguments=tuple([text_of(one) for one in arguments]),
            stdin=_text(values.get("stdin")),
            environment=_texts(values.get("environment")),
            ports=_texts(values.get("ports")),
            volumes=_texts(values.get("volumes")),
            pull_policy=self.pull_policy,
            cleanup=self.cleanup,
            cleanup_after=await activation.seconds(self.cleanup_after),
            output_bytes=activation.run.session.ports.policy.limits.output_bytes,
            reference=activation.reference,
        )

    async def _ended(self, activation: Activation, request: ContainerRequest) -> Any:
        engine = activation.run.session.ports.containers
        assert engine is not None
        try:
            result = await engine.run(request)
        except ContainerError as error:
            raise fault(error.kind, str(error)) from error
        if not result.is_heard:
            for stream, text in (("stdout", result.stdout), ("stderr", result.stderr)):
                for line in text.splitlines():
                    activation.hear(stream, line)
        return returned("container", self.returns, result.code, result.stdout, result.stderr)


def _text(value: Any) -> str:
    return "" if value is None else text_of(value)


def _texts(value: Any) -> dict[str, str]:
    return {str(key): text_of(item) for key, item in (value or {}).items()}


def compile_container(value: Any, scope: Scope, returns: str, awaits: bool) -> ContainerBody | None:
    """The `container` property."""
    fields = scope.mapping(value, _KEYS, ("image",))
    if fields is None:
        return None
    for key in _TEXTS:
        scope.text(fields, key)
    for key in _MAPS:
        if key in fields and not scope.is_expression(fields[key]):
            scope.at(key).mapping(fields[key], None)
    arguments = fields.get("arguments", [])
    if not isinstance(arguments, list) and not scope.is_expression(arguments):
        scope.at("arguments").report("schema", "expected a list")
    cleanup, after = _lifetime(fields, scope)
    kept = {key: item for key, item in fields.items() if key not in {"lifetime", "pullPolicy"}}
    return ContainerBody(
        fields=scope.template(kept),
        pull_policy=scope.choice(fields, "pullPolicy", _PULL_POLICIES),
        cleanup=cleanup,
        cleanup_after=after,
        returns=returns,
        awaits=awaits,
    )


def _lifetime(fields: Mapping[str, Any], scope: Scope) -> tuple[str, float | Expression]:
    """What becomes of the container after its end."""
    if "lifetime" not in fields:
        return "never", 0.0
    place = scope.at("lifetime")
    lifetime = place.mapping(fields["lifetime"], {"cleanup", "after"}, ("cleanup",))
    if lifetime is None:
        return "never", 0.0
    cleanup = place.choice(lifetime, "cleanup", _CLEANUPS)
    if (cleanup == "eventually") != ("after" in lifetime):
        place.report("schema", "`after` goes with `cleanup: eventually`, and that needs it")
        return cleanup, 0.0
    return cleanup, place.at("after").duration(lifetime["after"]) if "after" in lifetime else 0.0
