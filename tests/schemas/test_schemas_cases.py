"""Adding a case is adding a file: tests/data/schemas/{valid,invalid}/<kind>/<case>.yaml."""

from __future__ import annotations

from pathlib import Path

import pytest
from schema_documents import cases, expectations, load

from caseway.repo.schema import FILES, Violation, kind_named, suspicions, violations


def _id(case: object) -> str:
    return case.stem if isinstance(case, Path) else str(case)


@pytest.mark.parametrize(("kind", "path"), cases("valid"), ids=_id)
def test_a_valid_document_has_no_violation(kind: str, path: Path) -> None:
    assert violations(kind, load(path)) == []


@pytest.mark.parametrize(("kind", "path"), cases("valid"), ids=_id)
def test_a_valid_document_rouses_no_suspicion(kind: str, path: Path) -> None:
    assert suspicions(kind, load(path)) == []


@pytest.mark.parametrize(("kind", "path"), cases("invalid"), ids=_id)
def test_an_invalid_document_is_told_what_is_expected_and_nothing_else(kind: str, path: Path) -> None:
    expected, found = expectations(path), violations(kind, load(path))
    assert sorted(each.pointer for each in found) == sorted(place for place, _ in expected)
    for place, part in expected:
        assert any(part in each.message for each in found if each.pointer == place), found


def test_every_kind_has_valid_and_invalid_cases() -> None:
    for verdict in ("valid", "invalid"):
        assert {kind_named(kind) for kind, _ in cases(verdict)} == set(FILES)


def test_workflows_have_at_least_thirty_invalid_cases() -> None:
    assert sum(kind == "workflow" for kind, _ in cases("invalid")) >= 30


def test_every_invalid_case_says_what_it_expects() -> None:
    assert [path.name for _, path in cases("invalid") if not expectations(path)] == []


def test_violations_keep_their_order_between_runs() -> None:
    document = {"spec": {"titel": 1, "tags": "x", "workflows": [], "limits": {"depth": "a", "timeout": 3}}}
    first: list[Violation] = violations("UseCase", document)
    assert violations("UseCase", document) == first
    assert len(first) > 5
