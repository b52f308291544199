"""CW1xx and CW2xx, said for people: what the loader and the schemas report, taken from their own table."""

from __future__ import annotations

from caseway.repo.findings import FINDINGS
from caseway.repo.rules.rule import Rule, elsewhere

RULES = tuple(
    Rule(
        code=row.code,
        name=row.name,
        severity=row.severity,
        summary=row.summary,
        why=row.why,
        example_bad=row.bad + "\n",
        example_good=row.good + "\n",
        check=elsewhere,
    )
    for row in FINDINGS.values()
)
