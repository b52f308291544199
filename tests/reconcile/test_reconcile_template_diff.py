"""Two templates told apart in their authors' words."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from caseway.model.plan import Change
from caseway.reconcile.template_diff import (
    Difference,
    Theme,
    What,
    template_diff,
    template_diff_json,
    template_diff_text,
)
from reconcile.builders import a_body, a_workflow


def a_whole_body() -> dict[str, Any]:
    """A body with nested tasks, parameters, credentials and resources."""
    tasks = [
        {"fetch": {"call": "http", "with": {"method": "get"}}},
        {"each": {"for": {"in": "${ .items }"}, "do": [{"inner": {"set": {"a": 1}}}]}},
        {"guard": {"try": [{"risky": {"set": {"b": 1}}}], "catch": {"do": [{"calm": {"set": {"c": 1}}}]}}},
    ]
    return a_body(
        name="invoice",
        workflows=[a_workflow("intake", definition={"document": {"dsl": "1.0.0"}, "do": tasks})],
        parameters={
            "type": "object",
            "properties": {"limit": {"type": "number"}, "password": {"type": "string", "default": "one"}},
        },
        credentials={"erp": {"type": "bearer"}},
        connections=["db"],
        runtime="python",
        resources={"cpu": 0.5, "memory": "1GB"},
    )


def _tasks(body: dict[str, Any]) -> list[Any]:
    found: list[Any] = body["workflows"][0]["definition"]["do"]
    return found


Edit = Callable[[dict[str, Any]], Any]
CASES: dict[str, tuple[Edit, list[tuple[Theme, What, str, list[Change]]]]] = {
    "workflow added": (
        lambda b: b["workflows"].append(a_workflow("more")),
        [(Theme.WORKFLOW, What.ADDED, "more", [])],
    ),
    "workflow removed": (
        lambda b: b["workflows"].clear(),
        [(Theme.WORKFLOW, What.REMOVED, "intake", [])],
    ),
    "workflow setting": (
        lambda b: b["workflows"][0]["definition"]["document"].update(dsl="1.0.1"),
        [(Theme.WORKFLOW, What.CHANGED, "intake", [Change("/document/dsl", "1.0.0", "1.0.1")])],
    ),
    "task changed": (
        lambda b: _tasks(b)[0]["fetch"]["with"].update(method="post"),
        [(Theme.TASK, What.CHANGED, "intake: task fetch", [Change("/with/method", "get", "post")])],
    ),
    "task added": (
        lambda b: _tasks(b).insert(1, {"pause": {"wait": {"seconds": 1}}}),
        [(Theme.TASK, What.ADDED, "intake: task pause", [])],
    ),
    "task moved": (
        lambda b: _tasks(b).append(_tasks(b).pop(0)),
        [
            (Theme.TASK, What.MOVED, "intake: task each", []),
            (Theme.TASK, What.MOVED, "intake: task guard", []),
            (Theme.TASK, What.MOVED, "intake: task fetch", []),
        ],
    ),
    "inner task changed": (
        lambda b: _tasks(b)[1]["each"]["do"][0]["inner"]["set"].update(a=2),
        [(Theme.TASK, What.CHANGED, "intake: task each/inner", [Change("/set/a", 1, 2)])],
    ),
    "inner task added in a try": (
        lambda b: _tasks(b)[2]["guard"]["try"].append({"late": {"set": {}}}),
        [(Theme.TASK, What.ADDED, "intake: task guard/late", [])],
    ),
    "tasks that are no list": (
        lambda b: b["workflows"][0]["definition"].update(do=[1]),
        [(Theme.TASK, What.CHANGED, "intake: task list", [Change("", ..., [1])])],
    ),
    "tasks gone": (
        lambda b: b["workflows"][0]["definition"].pop("do"),
        [(Theme.TASK, What.REMOVED, f"intake: task {name}", []) for name in ("fetch", "each", "guard")],
    ),
    "trigger changed": (
        lambda b: b["workflows"][0]["triggers"][0].update(path="/new"),
        [(Theme.TRIGGER, What.CHANGED, "intake: trigger http", [Change("/path", "/intake", "/new")])],
    ),
    "parameter added": (
        lambda b: b["parameters"]["properties"].update(more={}),
        [(Theme.PARAMETER, What.ADDED, "more", [])],
    ),
    "secret default": (
        lambda b: b["parameters"]["properties"]["password"].update(default="two"),
        [(Theme.PARAMETER, What.CHANGED, "password", [Change("/default", "(sensitive)", "(sensitive)")])],
    ),
    "required": (
        lambda b: b["parameters"].update(required=["limit"]),
        [(Theme.PARAMETER, What.ADDED, "required", [Change("/required", None, ["limit"])])],
    ),
    "credential": (
        lambda b: b["credentials"]["erp"].update(type="basic"),
        [(Theme.CREDENTIAL, What.CHANGED, "credential erp", [Change("/type", "bearer", "basic")])],
    ),
    "connection": (
        lambda b: b["connections"].clear(),
        [(Theme.CREDENTIAL, What.REMOVED, "connection db", [])],
    ),
    "resources": (
        lambda b: b["resources"].update(cpu=1),
        [(Theme.RESOURCE, What.CHANGED, "resources", [Change("/resources/cpu", 0.5, 1)])],
    ),
    "runtime gone": (
        lambda b: b.pop("runtime"),
        [(Theme.RESOURCE, What.REMOVED, "runtime", [Change("/runtime", "python", None)])],
    ),
    "title": (
        lambda b: b.update(title="New"),
        [(Theme.OTHER, What.CHANGED, "title", [Change("/title", "Invoice intake", "New")])],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_an_edit_is_told_by_theme_and_name(name: str) -> None:
    edit, expected = CASES[name]
    after = copy.deepcopy(a_whole_body())
    edit(after)
    found = template_diff(a_whole_body(), after)
    wanted = [Difference(theme, what, subject, tuple(changes)) for theme, what, subject, changes in expected]
    if name == "tasks that are no list":
        assert [(item.theme, item.what, item.subject) for item in found] == [
            (item.theme, item.what, item.subject) for item in wanted
        ]
    else:
        assert list(found) == wanted


def test_a_template_does_not_differ_from_itself() -> None:
    assert template_diff(a_whole_body(), a_whole_body()) == ()
    assert template_diff_text(()) == "No difference.\n"


def test_tasks_that_are_no_list_and_stay_so_are_no_difference() -> None:
    body = a_body(workflows=[a_workflow("intake", definition={"do": [1]})])
    assert template_diff(body, copy.deepcopy(body)) == ()


def test_the_text_groups_by_theme() -> None:
    after = a_whole_body()
    after["title"] = "New"
    _tasks(after).append(_tasks(after).pop(0))
    after["parameters"]["properties"]["more"] = {}
    del after["credentials"]["erp"]
    assert template_diff_text(template_diff(a_whole_body(), after)) == (
        "tasks\n"
        "  ↻ intake: task each  moved\n"
        "  ↻ intake: task guard  moved\n"
        "  ↻ intake: task fetch  moved\n"
        "parameters\n"
        "  + more\n"
        "credentials and connections\n"
        "  - credential erp\n"
        "other\n"
        "  ~ title\n"
        '      ~ title  "Invoice intake" → "New"\n'
    )


def test_the_json_names_theme_what_and_changes() -> None:
    found = template_diff_json(template_diff({"title": "a"}, {"title": "b"}))
    assert found == [
        {
            "theme": "other",
            "what": "changed",
            "subject": "title",
            "changes": [{"path": "/title", "before": "a", "after": "b"}],
        }
    ]
