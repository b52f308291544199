"""The entries of the rules on deployment."""

from __future__ import annotations

from caseway.model.diagnostic import Severity
from caseway.repo.rules import deployment
from caseway.repo.rules.rule import Rule

RULES = (
    Rule(
        code="CW319",
        name="unknown-health-workflow",
        severity=Severity.ERROR,
        summary="the health check names a workflow that the use case does not have",
        why="No version could pass a check that cannot run, so every deployment would fail.",
        example_bad="""\
# use-cases/demo/usecase.yaml
spec:
  deployment:
    health: {workflow: helth}
""",
        example_good="""\
# use-cases/demo/usecase.yaml
spec:
  deployment:
    health: {workflow: main}
""",
        check=deployment.unknown_health_workflow,
    ),
)
