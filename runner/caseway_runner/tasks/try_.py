"""`try`: runs tasks, catches their errors, tries again as its policy says, and then does something else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from caseway_runner.activation import Activation
from caseway_runner.deadline import limited
from caseway_runner.errors import Fault, canonical_type
from caseway_runner.expression import Expression
from caseway_runner.interpret import run_nested
from caseway_runner.moments import moment
from caseway_runner.outcome import WorkflowError
from caseway_runner.program import TaskList
from caseway_runner.retry import Retry, compile_retry, delay_before, jitter_between
from caseway_runner.scope import Scope

KEYS = frozenset({"try", "catch"})
_FILTERS = frozenset({"type", "status", "instance", "title", "detail", "details"})


@dataclass(frozen=True, slots=True)
class TryBody:
    """What to try, which errors to catch, and what then."""

    tasks: TaskList
    filters: Mapping[str, Any]
    name: str
    when: Expression | None
    except_when: Expression | None
    retry: Retry | None
    handler: TaskList | None
    nature: ClassVar[str] = "composite"

    async def run(self, activation: Activation) -> Any:
        """The output of the tasks, or of the handler; the input when an error is caught without one."""
        attempt = 1
        while True:
            try:
                return await self._attempt(activation, attempt)
            except Fault as raised:
                error = raised.error
                if not await self._catches(activation, error):
                    raise
                if self.retry is None or not await self._tries_again(activation, self.retry, error, attempt):
                    return await self._handled(activation, raised)
                attempt += 1

    async def _attempt(self, activation: Activation, attempt: int) -> Any:
        suffix = f"@{attempt}" if attempt > 1 else ""
        activation.attempts = attempt

        async def work() -> Any:
            return await run_nested(activation, self.tasks, activation.input, suffix=suffix)

        if self.retry is None or self.retry.attempt_duration is None:
            return await work()
        seconds = await activation.seconds(self.retry.attempt_duration)
        return await limited(activation, seconds, work, suffix=suffix or "@1")

    async def _catches(self, activation: Activation, error: WorkflowError) -> bool:
        for key, wanted in self.filters.items():
            if not _matches(key, wanted, error):
                return False
        return await self._holds(activation, self.when, self.except_when, error)

    async def _holds(
        self,
        activation: Activation,
        when: Expression | None,
        except_when: Expression | None,
        error: WorkflowError,
    ) -> bool:
        names = {self.name: dict(error.as_json())}
        if when is not None and not await activation.is_true(when, **names):
            return False
        return except_when is None or not await activation.is_true(except_when, **names)

    async def _tries_again(
        self, activation: Activation, policy: Retry, error: WorkflowError, attempt: int
    ) -> bool:
        """Decide, record the decision, and wait for the moment of the next attempt."""
        suffix = f"@{attempt}"
        noted = activation.noted("retried", suffix=suffix)
        if noted is None:
            if policy.attempts is not None and attempt > policy.attempts:
                return False
            if not await self._holds(activation, policy.when, policy.except_when, error):
                return False
            delay = await self._delay(activation, policy, error, attempt)
            if not await self._is_in_time(activation, policy, delay):
                return False
            wake_at = activation.moment_after(delay)
            activation.note("retried", {"attempt": attempt + 1, "until": wake_at}, suffix=suffix)
            await activation.flush()
        else:
            wake_at = str(noted.data["until"])
        activation.attempts = attempt + 1
        if activation.is_waiting is not None:
            activation.is_waiting(True)
        await activation.sleep_until(wake_at)
        if activation.is_waiting is not None:
            activation.is_waiting(False)
        return True

    async def _delay(
        self, activation: Activation, policy: Retry, error: WorkflowError, attempt: int
    ) -> float:
        names = {self.name: dict(error.as_json())}
        delay = await activation.seconds(policy.delay, **names)
        jitter = 0.0
        if policy.jitter is not None:
            low, high = [await activation.seconds(length, **names) for length in policy.jitter]
            jitter = jitter_between(low, high, activation.run.session.ports.random)
        return delay_before(attempt, delay, policy.backoff, jitter)

    async def _is_in_time(self, activation: Activation, policy: Retry, delay: float) -> bool:
        if policy.duration is None:
            return True
        limit = await activation.seconds(policy.duration)
        now = activation.run.session.ports.clock.now()
        return (now - moment(activation.started_at)).total_seconds() + delay <= limit

    async def _handled(self, activation: Activation, raised: Fault) -> Any:
        if self.handler is None:
            if self.retry is not None:
                raise raised
            return activation.input
        names = {self.name: dict(raised.error.as_json())}
        return await run_nested(activation, self.handler, activation.input, variables=names)


def _matches(key: str, wanted: Any, error: WorkflowError) -> bool:
    if key == "type":
        return canonical_type(str(wanted)) == canonical_type(error.type)
    return bool(wanted == getattr(error, "detail" if key == "details" else key))


def _filters(value: Any, scope: Scope) -> Mapping[str, Any]:
    fields = scope.mapping(value, _FILTERS) or {}
    scope.texts(fields, [name for name in fields if name != "status"])
    status = fields.get("status", 0)
    if isinstance(status, bool) or not isinstance(status, int):
        scope.at("status").report("schema", "expected a whole number such as 503")
    return fields


def compile_body(source: Mapping[str, Any], scope: Scope) -> TryBody | None:
    """`try` and `catch`."""
    if "catch" not in source:
        scope.report("schema", "missing property 'catch'")
        return None
    place = scope.at("catch")
    keys = {"errors", "as", "when", "exceptWhen", "retry", "do"}
    fields = place.mapping(source["catch"], keys)
    if fields is None:
        return None
    errors = place.at("errors").mapping(fields.get("errors", {}), {"with"}) or {}
    filters = _filters(errors.get("with", {}), place.at("errors", "with"))
    name = place.variable(fields, "as", "error")
    inner = place.knowing(name)
    return TryBody(
        tasks=scope.at("try").tasks(source["try"], "/try"),
        filters=filters,
        name=name,
        when=inner.optional_expression(fields, "when"),
        except_when=inner.optional_expression(fields, "exceptWhen"),
        retry=compile_retry(fields["retry"], inner.at("retry")) if "retry" in fields else None,
        handler=inner.at("do").tasks(fields["do"], "/catch/do") if "do" in fields else None,
    )
