"""The order of actions: total, stable, and true to dependencies."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caseway.model.plan import Action, Kind, Verb
from caseway.reconcile.order import order

PAIRS = [
    (Kind.CONNECTION, Verb.PUT),
    (Kind.PROCESS, Verb.CREATE),
    (Kind.TEMPLATE, Verb.CREATE),
    (Kind.TEMPLATE, Verb.PUBLISH),
    (Kind.INSTANCE, Verb.UPDATE),
    (Kind.INSTANCE, Verb.PAUSE),
    (Kind.DEPLOYMENT, Verb.DEPLOY),
    (Kind.INSTANCE, Verb.DELETE),
    (Kind.RUNTIME, Verb.DELETE),
]


def an_action(kind: Kind, verb: Verb, name: str = "a", after: tuple[str, ...] = ()) -> Action:
    """An action that only has a place."""
    return Action(f"{verb}-{kind}:{name}", verb, kind, name, "", depends_on=after)


@st.composite
def action_lists(draw: st.DrawFn) -> list[Action]:
    found = [an_action(*draw(st.sampled_from(PAIRS)), name) for name in "abcdef"]
    return [
        replace(
            action, depends_on=tuple(sorted(draw(st.sets(st.sampled_from([a.id for a in found[:index]])))))
        )
        if index
        else action
        for index, action in enumerate(found)
    ]


@settings(max_examples=100, deadline=None)
@given(action_lists(), st.data())
def test_the_order_does_not_depend_on_the_order_given(actions: list[Action], data: st.DataObject) -> None:
    assert order(data.draw(st.permutations(actions))) == order(actions)


@settings(max_examples=100, deadline=None)
@given(action_lists())
def test_every_action_comes_after_what_it_needs(actions: list[Action]) -> None:
    seen: set[str] = set()
    for action in order(actions):
        assert set(action.depends_on) <= seen
        seen.add(action.id)
    assert len(seen) == len(actions)


def test_without_dependencies_the_sequence_is_the_documented_one() -> None:
    actions = [an_action(kind, verb) for kind, verb in PAIRS]
    assert list(order(reversed(actions))) == actions


def test_what_is_not_in_the_plan_is_no_dependency() -> None:
    (action,) = order([an_action(Kind.PROCESS, Verb.CREATE, after=("put-connection:gone",))])
    assert action.depends_on == ()


def test_a_circle_is_a_mistake_of_the_planner() -> None:
    one = an_action(Kind.PROCESS, Verb.CREATE, "a", ("create-process:b",))
    other = an_action(Kind.PROCESS, Verb.CREATE, "b", ("create-process:a",))
    with pytest.raises(ValueError, match="circle: create-process:a, create-process:b"):
        order([one, other])
