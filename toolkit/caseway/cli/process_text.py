"""How a process reads to people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from caseway.cli.output import clean, paint, print_fields, print_table, say

VERSIONS = {
    "version": "VERSION",
    "revision": "REV",
    "status": "STATUS",
    "commit": "COMMIT",
    "author": "AUTHOR",
    "bump": "BUMP",
    "digest": "DIGEST",
    "message": "MESSAGE",
}
HIDDEN = {"templates", "name", "title", "listing", "description"}


def print_process(facts: Mapping[str, Any]) -> None:
    """The process with its versions, newest first."""
    say(paint(clean(facts["name"]), "", bold=True) + f"  {clean(facts['title'])}")
    print_fields(
        {key: value for key, value in facts.items() if key not in HIDDEN and value not in ("", None)}
    )
    say()
    print_table([_row(item) for item in facts["templates"]], VERSIONS, empty="no versions")


def _row(template: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **template,
        "commit": template["commit"][:10],
        "digest": template["digest"].removeprefix("sha256:")[:12],
        "message": template["message"].split("\n")[0][:60],
    }
