"""Links inside the documentation lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from docs_pages import CLONE, anchors, pages, prose

LINK = re.compile(r"\[[^]]*\]\(([^)\s]+)\)")


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(CLONE)))
def test_every_link_inside_the_project_resolves(page: Path) -> None:
    broken = [target for target in LINK.findall(prose(page)) if not _resolves(page, target)]
    assert broken == []


def test_the_index_lists_every_page_of_the_guide() -> None:
    index = (CLONE / "docs" / "index.md").read_text(encoding="utf-8")
    listed = {target.partition("#")[0] for target in LINK.findall(index)}
    there = {str(page.relative_to(CLONE / "docs")) for page in (CLONE / "docs").rglob("*.md")} - {"index.md"}
    assert there - listed == set()


def _resolves(page: Path, target: str) -> bool:
    if re.match(r"[a-z]+:", target):
        return True
    path, _, anchor = target.partition("#")
    goal = (page.parent / path).resolve() if path else page
    if not goal.exists():
        return False
    return not anchor or goal.suffix != ".md" or anchor in anchors(goal)
