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
    "digest": "DIGEST",
    "message": "MESSAGE",
}


def row_of(facts: Mapping[str, Any]) -> dict[str, Any]:
    """A process as a row: its title, published and latest versions."""
    templates = facts.get("templates") or []
    published = [item["version"] for item in templates if item["status"] == "published"]
    latest = max(templates, key=lambda item: item["revision"])["version"] if templates else ""
    title = facts.get("title") or (facts.get("listing") or {}).get("title", "")
    return {**facts, "title": title, "published": ", ".join(published), "latest": latest}


def print_process(facts: Mapping[str, Any]) -> None:
    """The process with its versions, newest first."""
    row = row_of(facts)
    say(paint(clean(row["name"]), "", bold=True) + f"  {clean(row['title'])}")
    hidden = {"templates", "name", "title", "published", "latest", "listing"}
    print_fields(
        {key: value for key, value in facts.items() if key not in hidden and value not in ("", None)}
    )
    say()
    templates = sorted(facts.get("templates") or [], key=lambda item: -item["revision"])
    rows = [
        {
            **item,
            "commit": (item.get("commit") or "")[:10],
            "digest": item["digest"][7:19],
            "message": (item.get("message") or "").split("\n")[0][:60],
        }
        for item in templates
    ]
    print_table(rows, VERSIONS, empty="no versions")
