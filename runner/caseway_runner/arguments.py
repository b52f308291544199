"""The runtime expression arguments, as the DSL's table has them, and evaluation with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from caseway_runner.errors import fault
from caseway_runner.expression import Expression, ExpressionError
from caseway_runner.session import Run, Strand

RUNTIME = {"name": "caseway", "version": "0.1.0", "metadata": {}}


class TaskArguments(Protocol):
    """What the running task gives: its variables, `$input`, `$task` and `$authorization`."""

    variables: Mapping[str, Any]
    input: Any
    authorization: Any

    def descriptor(self) -> dict[str, Any]: ...


class Arguments(Mapping[str, Any]):
    """The runtime expression arguments, each computed when an expression really uses it."""

    __slots__ = ("_activation", "_extra", "_run", "_secrets", "_strand")

    def __init__(
        self,
        run: Run,
        strand: Strand,
        activation: TaskArguments | None,
        extra: Mapping[str, Any],
        secrets: frozenset[str | None],
    ) -> None:
        self._run, self._strand, self._activation = run, strand, activation
        self._extra, self._secrets = extra, secrets

    def __getitem__(self, name: str) -> Any:
        if name in self._extra:
            return self._extra[name]
        activation = self._activation
        if activation is not None:
            if name in activation.variables:
                return activation.variables[name]
            if name in _OF_TASK:
                return _OF_TASK[name](activation)
        if name == "secrets":
            return self._secret_values()
        return _OF_RUN[name](self._run, self._strand)

    def _secret_values(self) -> dict[str, Any]:
        if None not in self._secrets:
            return {name: self._run.secret(name) for name in self._secrets if name is not None}
        values: dict[str, Any] = {}
        for name in self._run.program.secrets:
            try:
                values[name] = self._run.session.ports.secrets(name)
            except KeyError:
                continue  # the whole map was asked for: it holds the secrets that exist
        return values

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __contains__(self, name: object) -> bool:
        return name == "__now"


_OF_TASK: Mapping[str, Callable[[TaskArguments], Any]] = {
    "input": lambda activation: activation.input,
    "task": lambda activation: activation.descriptor(),
    "authorization": lambda activation: activation.authorization,
}
_OF_RUN: Mapping[str, Callable[[Run, Strand], Any]] = {
    "context": lambda _, strand: strand.context,
    "workflow": lambda run, _: run.descriptor(),
    "runtime": lambda *_: RUNTIME,
    "__now": lambda run, _: run.session.ports.clock.now().timestamp(),
}


async def evaluate(
    run: Run,
    strand: Strand,
    activation: TaskArguments | None,
    expression: Expression,
    value: Any,
    extra: Mapping[str, Any],
) -> Any:
    """Evaluate; a failure is an expression fault."""
    arguments = Arguments(run, strand, activation, extra, expression.secrets)
    try:
        return await expression.evaluated(value, arguments, run.session.bounds)
    except ExpressionError as error:
        raise fault("expression", f"{error} in: {expression.text[:500]}") from error
