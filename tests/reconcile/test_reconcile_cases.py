"""Each folder of tests/data/plans is a case: what is desired, what is there, and the plan between them.

CASEWAY_REWRITE_GOLDEN=1 writes the plans anew; review them in the diff."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from caseway.model.desired import Desired
from caseway.model.plan import Plan
from caseway.model.snapshot import Snapshot
from caseway.reconcile.markdown import as_markdown
from caseway.reconcile.plan import plan
from caseway.reconcile.serialize import as_json, from_file, to_file
from caseway.reconcile.text import as_text
from reconcile.revive import revive, text
from reconcile.simulate import simulate

CASES = sorted(
    path.parent for path in (Path(__file__).parent.parent / "data" / "plans").glob("*/desired.json")
)
REWRITE = os.environ.get("CASEWAY_REWRITE_GOLDEN") == "1"


def _read(case: Path) -> tuple[Desired, Snapshot, dict[str, object]]:
    options = case / "options.json"
    return (
        revive(Desired, json.loads((case / "desired.json").read_text(encoding="utf-8"))),
        revive(Snapshot, json.loads((case / "actual.json").read_text(encoding="utf-8"))),
        json.loads(options.read_text(encoding="utf-8")) if options.exists() else {},
    )


def _plan(case: Path) -> Plan:
    desired, actual, options = _read(case)
    return plan(desired, actual, **options)  # type: ignore[arg-type]


def _assert_golden(path: Path, found: str) -> None:
    if REWRITE:
        path.write_text(found, encoding="utf-8")
    assert found == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_reads_as_its_text_file_says(case: Path) -> None:
    _assert_golden(case / "plan.txt", as_text(_plan(case), width=100))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_is_the_json_that_its_file_holds(case: Path) -> None:
    _assert_golden(case / "plan.json", text(as_json(_plan(case))))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_shows_in_a_pull_request_as_its_markdown_file_says(case: Path) -> None:
    _assert_golden(case / "plan.md", as_markdown(_plan(case)))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_plan_file_gives_the_very_plan_back(case: Path) -> None:
    made = _plan(case)
    assert from_file(to_file(made)) == made


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_leaves_nothing_to_do_once_applied(case: Path) -> None:
    desired, actual, options = _read(case)
    made = plan(desired, actual, **options)  # type: ignore[arg-type]
    after = actual if made.blocked else simulate(actual, made)
    again = plan(desired, after, **options)  # type: ignore[arg-type]
    assert bool(again.actions) == (bool(made.blocked) and bool(made.actions))
