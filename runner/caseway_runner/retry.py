"""Retry policies: when to try again, and after how long. Pure; randomness is an argument."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from caseway_runner.expression import Expression
from caseway_runner.scope import TASK_BODY, Scope

BACKOFFS = ("constant", "exponential", "linear")
Length = float | Expression


@dataclass(frozen=True, slots=True)
class Retry:
    """A compiled policy. Lengths of time are seconds, or expressions that give a duration."""

    when: Expression | None = None
    except_when: Expression | None = None
    delay: Length = 0.0
    backoff: str = "constant"
    attempts: int | None = None
    attempt_duration: Length | None = None
    duration: Length | None = None
    jitter: tuple[Length, Length] | None = None


def compile_retry(value: Any, scope: Scope) -> Retry | None:
    """Compile a retry policy, or the name of one in use.retries."""
    if isinstance(value, str):
        found = scope.reused("retries", value)
        if found is None:
            return None
        value, scope = found
    fields = scope.mapping(value, {"when", "exceptWhen", "delay", "backoff", "limit", "jitter"})
    if fields is None:
        return None
    limit = scope.at("limit").mapping(fields.get("limit", {}), {"attempt", "duration"}) or {}
    attempt = scope.at("limit", "attempt").mapping(limit.get("attempt", {}), {"count", "duration"}) or {}
    return Retry(
        when=scope.optional_expression(fields, "when"),
        except_when=scope.optional_expression(fields, "exceptWhen"),
        delay=scope.at("delay").duration(fields["delay"], TASK_BODY) if "delay" in fields else 0.0,
        backoff=_backoff(fields.get("backoff"), scope.at("backoff")),
        attempts=_count(attempt, scope.at("limit", "attempt", "count")),
        attempt_duration=_length(attempt, "duration", scope.at("limit", "attempt")),
        duration=_length(limit, "duration", scope.at("limit")),
        jitter=_jitter(fields.get("jitter"), scope.at("jitter")),
    )


def delay_before(attempt: int, delay: float, backoff: str, jitter: float) -> float:
    """Seconds to wait before retry number `attempt` (1 for the first retry)."""
    factor = 1.0
    if backoff == "linear":
        factor = float(attempt)
    elif backoff == "exponential":
        factor = 2.0 ** min(attempt - 1, 60)
    return min(delay * factor + jitter, 86_400.0 * 365)


def jitter_between(low: float, high: float, random: Callable[[], float]) -> float:
    """A length of time between `low` and `high`."""
    return low + (max(high, low) - low) * random()


def _backoff(value: Any, scope: Scope) -> str:
    if value is None:
        return "constant"
    fields = scope.mapping(value, set(BACKOFFS))
    if fields is None:
        return "constant"
    if len(fields) != 1:
        scope.report("schema", "a backoff is exactly one of " + ", ".join(BACKOFFS))
    name = next((name for name in BACKOFFS if name in fields), "constant")
    if name in fields and not isinstance(fields[name], Mapping):
        scope.at(name).report("schema", "expected an object, possibly empty: {}")
    return name


def _count(fields: Mapping[str, Any], scope: Scope) -> int | None:
    if "count" not in fields:
        return None
    count = fields["count"]
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        scope.report("schema", "expected a whole number, not negative")
        return 0
    return count


def _length(fields: Mapping[str, Any], key: str, scope: Scope) -> Length | None:
    return scope.at(key).duration(fields[key], TASK_BODY) if key in fields else None


def _jitter(value: Any, scope: Scope) -> tuple[Length, Length] | None:
    if value is None:
        return None
    fields = scope.mapping(value, {"from", "to"}, ("from", "to"))
    if fields is None:
        return None
    low, high = scope.at("from").duration(fields["from"]), scope.at("to").duration(fields["to"])
    if isinstance(low, float) and isinstance(high, float) and low > high:
        scope.report("duration", "jitter.from is longer than jitter.to")
    return low, high
