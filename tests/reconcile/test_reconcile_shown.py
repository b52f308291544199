"""Text, Markdown and plan files: readable, harmless, never too long, refused when changed."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caseway.model.canonical import digest
from caseway.model.desired import Source
from caseway.model.errors import CasewayError
from caseway.model.plan import Action, Change, Kind, Plan, Summary, Verb
from caseway.model.snapshot import Snapshot
from caseway.reconcile.markdown import as_markdown, fenced, inline
from caseway.reconcile.plan import plan
from caseway.reconcile.serialize import as_json, from_file, to_file
from caseway.reconcile.shown import columns, fitted, padded, path, plain, value
from caseway.reconcile.text import as_text
from reconcile.builders import a_desired, a_use_case, an_instance, applied

TEXTS = st.text(st.characters(codec="utf-8"), max_size=40)


def a_plan(*actions: Action, **changes: Any) -> Plan:
    """A plan of these actions."""
    made = Plan("acme", "acme", 3, Source(), Summary(create=1), actions=actions)
    return replace(made, **changes)


def an_action(name: str = "a", verb: Verb = Verb.CREATE, kind: Kind = Kind.PROCESS, **more: Any) -> Action:
    """One action."""
    return Action(f"{verb}-{kind}:{name}", verb, kind, name, **{"reason": "why", **more})


@settings(max_examples=60, deadline=None)
@given(TEXTS, TEXTS, st.integers(20, 200), st.booleans())
def test_no_name_or_reason_breaks_a_line_or_steers_the_terminal(
    name: str, reason: str, width: int, color: bool
) -> None:
    change = Change(f"/{name}", reason, {name: reason})
    made = a_plan(an_action(name, reason=reason, kind=Kind.INSTANCE, verb=Verb.UPDATE, changes=(change,)))
    text = as_text(replace(made, notices=(reason,)), color=color, width=width)
    bare = re.sub(r"\x1b\[\d+m", "", text) if color else text
    assert all(char == "\n" or (char.isprintable() or char == "\u3000") or ord(char) > 127 for char in bare)
    assert "\x1b" not in bare
    assert bare.count("\n") == as_text(replace(made, notices=(reason,)), width=width).count("\n")


def test_colours_are_only_there_when_asked_for() -> None:
    made = plan(a_desired(a_use_case(), an_instance()), Snapshot(0))
    assert "\x1b[" not in as_text(made)
    coloured = as_text(made, color=True)
    assert "\x1b[32m+\x1b[0m" in coloured
    assert re.sub(r"\x1b\[\d+m", "", coloured) == as_text(made)


def test_long_values_are_cut_to_the_width() -> None:
    change = Change("/parameters/text", "a" * 500, "b" * 500)
    made = a_plan(an_action("i", Verb.UPDATE, Kind.INSTANCE, changes=(change,)))
    assert all(columns(line) <= 80 for line in as_text(made, width=80).splitlines())
    assert "…" in as_text(made, width=80)


def test_many_changes_are_counted() -> None:
    changes = tuple(Change(f"/f{number}", 1, 2) for number in range(30))
    assert "… and 10 more fields" in as_text(a_plan(an_action(verb=Verb.UPDATE, changes=changes)))


def test_a_change_of_the_whole_value_says_so() -> None:
    assert "(all)" in as_text(a_plan(an_action(verb=Verb.UPDATE, changes=(Change("", 1, 2),))))


def test_a_blocked_plan_with_actions_says_that_it_cannot_be_applied() -> None:
    text = as_text(a_plan(an_action(), blocked=("no",)))
    assert "✗ no" in text
    assert text.endswith("It is blocked and cannot be applied.\n")


def test_uncommitted_changes_and_a_tree_outside_git_are_named() -> None:
    dirty = a_plan(source=Source("a" * 40, dirty=True))
    assert "commit aaaaaaaaaaaa with uncommitted changes" in as_text(dirty)
    assert "the work tree" in as_text(a_plan())


def test_an_empty_remark_keeps_its_line() -> None:
    assert "  • \n" in as_text(a_plan(notices=("",)))


@pytest.mark.parametrize(
    ("pointer", "shown"),
    [("/a/b", "a.b"), ("/a~1b/c d", '"a/b"."c d"'), ("/", '""'), ("", ""), ("/do/say@1", "do.say@1")],
)
def test_a_pointer_reads_as_a_path(pointer: str, shown: str) -> None:
    assert path(pointer) == shown


def test_wide_characters_count_twice_and_marks_not_at_all() -> None:
    assert columns("漢字") == 4
    assert columns("e\u0301") == 1
    assert fitted("漢字漢字", 5) == "漢字…"
    assert fitted("short", 5) == "short"
    assert padded("漢", 4) == "漢  "


def test_control_characters_are_spelled() -> None:
    assert plain("a\n\t\r\x1b\u202e\U000e0001é") == "a\\n\\t\\r\\x1b\\u202e\\U000e0001é"
    assert value("(sensitive)", 5) == "(sensitive)"


@settings(max_examples=60, deadline=None)
@given(st.text(st.sampled_from("`a\n @|<"), max_size=60))
def test_a_fence_is_longer_than_any_run_inside(text: str) -> None:
    first, *_, last = fenced(text, "diff").split("\n")
    fence = first.removesuffix("diff")
    assert last == fence
    assert fence not in text
    assert set(fence) == {"`"}


def test_nobody_is_mentioned_and_no_markup_gets_through() -> None:
    shown = inline("@octocat <img src=x> [a](http://b) `c` | #1")
    assert "@octocat" not in shown
    assert "http://" not in shown
    assert all(f"\\{char}" in shown for char in "<>[]`|#")


def _many(verb: Verb, count: int, kind: Kind = Kind.INSTANCE) -> list[Action]:
    changes = (Change("/a", "x" * 300, "y" * 300),)
    return [
        an_action(f"instance-{number:05}", verb, kind, changes=changes, reason="because " * 9)
        for number in range(count)
    ]


@pytest.mark.parametrize("limit", [2_000, 10_000, 65_536])
def test_a_comment_is_never_too_long_and_names_all_that_is_taken_away(limit: int) -> None:
    made = a_plan(*_many(Verb.UPDATE, 900), *_many(Verb.DELETE, 20), notices=("n" * 100,) * 400)
    text = as_markdown(made, limit)
    assert len(text) <= limit
    assert all(action.name in text for action in made.actions if action.verb is Verb.DELETE)


def test_findings_that_do_not_fit_are_counted() -> None:
    text = as_markdown(a_plan(_many(Verb.DELETE, 1)[0], blocked=("b" * 100,) * 99), 4_000)
    assert len(text) <= 4_000
    assert "instance-00000" in text
    assert re.search(r"- … and \d+ more", text)


def test_even_destructive_actions_are_counted_when_names_alone_are_too_long() -> None:
    text = as_markdown(a_plan(*_many(Verb.DELETE, 400)), 3_000)
    assert len(text) <= 3_000
    assert re.search(r"… and \d+ more", text)


def test_details_that_do_not_fit_are_left_out_and_said_to_be() -> None:
    text = as_markdown(a_plan(*_many(Verb.UPDATE, 10)), 3_000)
    assert "remaining details are left out" in text


def test_an_empty_plan_and_a_blocked_one_say_so_in_markdown() -> None:
    assert "**Nothing to do**" in as_markdown(a_plan())
    text = as_markdown(a_plan(blocked=("because | of\nthat",)))
    assert "**It is blocked.**" in text
    assert "- because \\| of\\\\nthat" in text


def test_json_has_the_documented_shape_and_nothing_more() -> None:
    made = as_json(plan(a_desired(a_use_case(), an_instance()), Snapshot(7)))
    assert list(made) == ["formatVersion", "revision", "source", "summary", "actions"]
    actions: Any = made["actions"]
    assert made["revision"] == 7
    assert list(actions[0]) == ["id", "action", "kind", "name", "reason", "changes", "dependsOn"]
    assert actions[-1]["dependsOn"] == ["create-instance:invoice-dev", "create-template:invoice@1.0.0"]


def _file() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(to_file(plan(a_desired(a_use_case(), an_instance()), Snapshot(0))))
    return content


def _signed(content: Any) -> str:
    return json.dumps(
        {"formatVersion": "1", "kind": "caseway-plan", "plan": content, "digest": digest(content)}
    )


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "plan-file-invalid"),
        ("[]", "plan-file-invalid"),
        ('{"kind": "other"}', "plan-file-invalid"),
        ("[" * 100_000, "plan-file-invalid"),
        (json.dumps({**_file(), "formatVersion": "2"}), "plan-file-version"),
        (json.dumps({**_file(), "plan": []}), "plan-file-changed"),
        (json.dumps({**_file(), "digest": "sha256:0"}), "plan-file-changed"),
        (json.dumps({**_file(), "plan": {**_file()["plan"], "revision": 99}}), "plan-file-changed"),
        (json.dumps({**_file(), "plan": {"a": float("nan")}}), "plan-file-changed"),
        (_signed({"project": "a"}), "plan-file-invalid"),
        (_signed({**_file()["plan"], "summary": {"x": 1}}), "plan-file-invalid"),
        (_signed({**_file()["plan"], "actions": [{"id": "a", "action": "explode"}]}), "plan-file-invalid"),
    ],
)
def test_a_file_that_is_not_as_it_was_written_is_refused(text: str, code: str) -> None:
    with pytest.raises(CasewayError) as raised:
        from_file(text)
    assert raised.value.code == code
    assert raised.value.hint


def test_a_plan_file_keeps_payloads_that_the_public_form_leaves_out() -> None:
    made = plan(a_desired(a_use_case()), applied(a_desired(a_use_case(title="before"))))
    assert from_file(to_file(made)).actions[0].payload["body"] == a_use_case().body
    assert "payload" not in json.dumps(as_json(made))
