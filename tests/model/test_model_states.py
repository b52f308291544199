"""State machines as tables, and the small values beside them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import pytest

from caseway.model.desired import Instance, Source
from caseway.model.diagnostic import Diagnostic, Severity
from caseway.model.errors import CasewayError
from caseway.model.fields import INSTANCE_FIELDS, instance_fields
from caseway.model.plan import Action, Kind, Plan, Summary, Verb, by_id
from caseway.model.states import (
    DEPLOYMENT,
    EXECUTION,
    PREVIEW,
    TEMPLATE,
    DeploymentStatus,
    ExecutionStatus,
    PreviewStatus,
    TemplateStatus,
    move,
)

TABLES: list[tuple[Mapping[Any, frozenset[Any]], type[StrEnum]]] = [
    (TEMPLATE, TemplateStatus),
    (DEPLOYMENT, DeploymentStatus),
    (EXECUTION, ExecutionStatus),
    (PREVIEW, PreviewStatus),
]


@pytest.mark.parametrize(("table", "states"), TABLES, ids=lambda item: getattr(item, "__name__", ""))
def test_a_table_names_every_state_once(table: Mapping[Any, frozenset[Any]], states: type[StrEnum]) -> None:
    assert set(table) == set(states)


@pytest.mark.parametrize(("table", "states"), TABLES, ids=lambda item: getattr(item, "__name__", ""))
def test_only_listed_steps_are_allowed(table: Mapping[Any, frozenset[Any]], states: type[StrEnum]) -> None:
    for before in states:
        for after in states:
            if after in table[before]:
                assert move(table, before, after) is after
            else:
                with pytest.raises(CasewayError) as raised:
                    move(table, before, after)
                assert raised.value.code == "illegal-transition"


@pytest.mark.parametrize(("table", "states"), TABLES, ids=lambda item: getattr(item, "__name__", ""))
def test_no_state_follows_itself(table: Mapping[Any, frozenset[Any]], states: type[StrEnum]) -> None:
    assert not [state for state in states if state in table[state]]


def test_a_published_template_can_come_back_after_it_was_deprecated() -> None:
    assert move(TEMPLATE, TemplateStatus.DEPRECATED, TemplateStatus.PUBLISHED) is TemplateStatus.PUBLISHED


def test_a_final_state_says_that_it_is_final() -> None:
    with pytest.raises(CasewayError, match="cannot go from completed to running") as raised:
        move(EXECUTION, ExecutionStatus.COMPLETED, ExecutionStatus.RUNNING)
    assert raised.value.hint.endswith("nothing: it is final")


def test_the_fields_of_an_instance_are_plain_and_its_own() -> None:
    parameters = {"limit": 3}
    fields = instance_fields(Instance("i", "u", "dev", "ann", parameters=parameters))
    assert tuple(fields) == INSTANCE_FIELDS
    assert fields["parameters"] == parameters
    assert fields["parameters"] is not parameters


def test_diagnostics_sort_by_place() -> None:
    late = Diagnostic("b.yaml", 1, 1, "", "CW101", Severity.ERROR, "x")
    early = Diagnostic("a.yaml", 9, 1, "", "CW101", Severity.NOTE, "x")
    assert sorted([late, early]) == [early, late]


def test_a_plan_without_actions_is_empty_and_one_with_them_finds_them_by_id() -> None:
    action = Action("create-process:a", Verb.CREATE, Kind.PROCESS, "a", "new")
    empty = Plan("p", "o", 1, Source(), Summary())
    full = Plan("p", "o", 1, Source(), Summary(create=1), actions=(action,))
    assert empty.is_empty
    assert not full.is_empty
    assert by_id(full) == {"create-process:a": action}
