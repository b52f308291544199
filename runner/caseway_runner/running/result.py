"""What `return` makes of how a process or a container ended."""

from __future__ import annotations

from typing import Any

from caseway_runner.errors import fault

RETURNS = ("stdout", "stderr", "code", "all", "none")
# These returns show what happened, so a process that fails is a result there and an error elsewhere.
_TOLERANT = frozenset({"code", "all", "stderr"})


def returned(what: str, returns: str, code: int, stdout: str, stderr: str) -> Any:
    """The task's result. Raises a runtime fault when `what` failed and `returns` would not show it."""
    if code != 0 and returns not in _TOLERANT:
        raise fault("runtime", f"the {what} ended with code {code}: {stderr.strip()[-2000:]}")
    values = {"code": code, "stdout": stdout, "stderr": stderr}
    return values if returns == "all" else values.get(returns)
