"""The document's `use` section: tables of reusable components, checked even where nothing uses them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from caseway_runner.authentication import compile_authentication
from caseway_runner.calls.catalog import compile_catalog_endpoint
from caseway_runner.problem import Problem
from caseway_runner.retry import compile_retry
from caseway_runner.scope import TASK_IF, Scope

_TABLES = ("authentications", "errors", "functions", "retries", "timeouts", "catalogs")


@dataclass(frozen=True, slots=True)
class Use:
    """The tables by name, and the declared secrets."""

    tables: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    secrets: frozenset[str] = frozenset()
    extensions: Any = None

    def check(self, scope: Scope) -> None:
        """Report what is wrong in components, at their own place."""
        before = list(scope.draft.findings)
        for name, value in self.tables.get("authentications", {}).items():
            compile_authentication(value, scope.at("authentications", name))
        for name, value in self.tables.get("retries", {}).items():
            compile_retry(value, scope.at("retries", name))
        for name, value in self.tables.get("timeouts", {}).items():
            place = scope.at("timeouts", name)
            fields = place.mapping(value, {"after"}, ("after",))
            if fields is not None:
                place.at("after").duration(fields["after"], TASK_IF)
        for name, value in self.tables.get("catalogs", {}).items():
            compile_catalog_endpoint(value, scope.at("catalogs", name))
        # `$error` and loop variables are known only where a component is used, so not to know them here
        # is no error of the component.
        scope.draft.findings[len(before) :] = [
            problem for problem in scope.draft.findings[len(before) :] if not _is_local_name(problem)
        ]


def _is_local_name(problem: Problem) -> bool:
    return problem.kind == "expression" and problem.message.startswith("unknown variable")


def compile_use(value: Any, scope: Scope) -> Use:
    """Read the `use` section."""
    fields = scope.mapping(value, {*_TABLES, "extensions", "secrets"})
    if fields is None:
        return Use()
    tables: dict[str, Mapping[str, Any]] = {}
    for name in _TABLES:
        if name in fields:
            table = scope.at(name).mapping(fields[name], None)
            tables[name] = {str(key): item for key, item in (table or {}).items()}
    return Use(tables, _secrets(fields.get("secrets", []), scope.at("secrets")), fields.get("extensions"))


def _secrets(value: Any, scope: Scope) -> frozenset[str]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        scope.report("schema", "expected a list of secret names")
        return frozenset()
    return frozenset(value)
