"""What a change of an http trigger means to those who call it."""

from __future__ import annotations

from typing import Any

import pytest

from caseway.reconcile.compatibility import Bump, findings
from caseway.reconcile.contract import contract

GITHUB = {"auth": "verify", "verify": {"type": "github", "credential": "hook"}}
STRICT = {"type": "object", "required": ["a"], "properties": {"a": {"type": "number"}}}


def bump(old: dict[str, Any], new: dict[str, Any]) -> Bump:
    """The part of the version that moves when the one trigger changes like this."""

    def body(trigger: dict[str, Any]) -> dict[str, Any]:
        return {
            "workflows": [{"id": "a", "triggers": [{"id": "t", "type": "http", "path": "/a", **trigger}]}]
        }

    return findings(contract(body(old)), contract(body(new)))[0].bump


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({}, {"methods": ["POST"]}, Bump.PATCH),
        ({}, {"methods": ["POST", "PUT"]}, Bump.PATCH),
        ({"methods": ["POST", "PUT"]}, {"method": "PUT"}, Bump.MAJOR),
        ({"method": "GET"}, {"method": "POST"}, Bump.MAJOR),
        ({}, {"auth": "none"}, Bump.PATCH),
        ({"auth": "none"}, {}, Bump.MAJOR),
        ({}, GITHUB, Bump.MAJOR),
        (GITHUB, {}, Bump.MAJOR),
        (GITHUB, {**GITHUB, "verify": {"type": "github", "credential": "other"}}, Bump.PATCH),
        (GITHUB, {**GITHUB, "verify": {"type": "slack", "credential": "hook"}}, Bump.MAJOR),
        ({}, {"response": "stream"}, Bump.MAJOR),
        ({}, {"input": STRICT}, Bump.MAJOR),
        ({"input": STRICT}, {}, Bump.MINOR),
        ({}, {"rateLimit": {"requests": 1, "per": "1s"}}, Bump.PATCH),
    ],
)
def test_only_what_callers_must_change_for_is_major(
    old: dict[str, Any], new: dict[str, Any], expected: Bump
) -> None:
    assert bump(old, new) is expected
