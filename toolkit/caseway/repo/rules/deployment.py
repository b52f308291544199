"""CW319: what checks a new version is a workflow that the use case has."""

from __future__ import annotations

from collections.abc import Iterator

from caseway.repo.rules.rule import Finding, at
from caseway.repo.rules.shape import items, mapping, suggestion, text
from caseway.repo.rules.view import View, spec


def unknown_health_workflow(view: View) -> Iterator[Finding]:
    for use_case in view.of_kind("UseCase"):
        wanted = text(spec(use_case), "deployment", "health", "workflow")
        known = {text(mapping(entry), "id") for entry in items(spec(use_case), "workflows")}
        if wanted and wanted not in known:
            yield at(
                use_case,
                "/spec/deployment/health/workflow",
                f'the health check is workflow "{wanted}", which the use case does not have',
                suggestion(wanted, {name for name in known if name}, "name one of its workflows by its id"),
            )
