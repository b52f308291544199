"""`run`: a shell command, a script, a container, or another workflow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from caseway_runner.program import Body
from caseway_runner.running.container import compile_container
from caseway_runner.running.process import compile_process
from caseway_runner.running.result import RETURNS
from caseway_runner.running.workflow import compile_workflow_run
from caseway_runner.scope import Scope

KEYS = frozenset({"run"})
_KINDS = ("container", "script", "shell", "workflow")


def compile_body(source: Mapping[str, Any], scope: Scope) -> Body | None:
    """`run` with one kind of process."""
    place = scope.at("run")
    fields = place.mapping(source["run"], {*_KINDS, "await", "return"})
    if fields is None:
        return None
    found = [kind for kind in _KINDS if kind in fields]
    if len(found) != 1:
        place.report("schema", f"expected exactly one of {', '.join(_KINDS)}")
        return None
    awaits, returns = place.flag(fields, "await", True), place.choice(fields, "return", RETURNS)
    spot, value = place.at(found[0]), fields[found[0]]
    if found[0] == "container":
        return compile_container(value, spot, returns, awaits)
    if found[0] == "workflow":
        return compile_workflow_run(value, spot, returns, awaits)
    return compile_process(value, spot, found[0] == "script", returns, awaits)
