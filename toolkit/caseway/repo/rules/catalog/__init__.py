"""Every rule said for people, one file per theme: its words, its two examples, and the check behind it."""

from __future__ import annotations

from caseway.repo.rules.catalog import (
    connections,
    deployment,
    fetching,
    files,
    http_triggers,
    hygiene,
    overlays,
    parameters,
    placeholders,
    references,
    triggers,
    workflows,
)
from caseway.repo.rules.rule import Rule

ALL: tuple[Rule, ...] = (
    *hygiene.INTERNAL,
    *files.RULES,
    *references.RULES,
    *overlays.RULES,
    *deployment.RULES,
    *connections.RULES,
    *placeholders.RULES,
    *workflows.RULES,
    *triggers.RULES,
    *http_triggers.RULES,
    *fetching.RULES,
    *parameters.RULES,
    *hygiene.RULES,
)
