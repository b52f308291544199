"""The reference pages are what the schemas say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from schema_documents import ROOT, nodes

from caseway.repo.schema import KINDS, schema
from caseway.repo.schema_docs import main, outdated, render, write


def test_the_committed_pages_are_up_to_date() -> None:
    assert outdated(ROOT / "docs" / "reference") == []


@pytest.mark.parametrize("kind", KINDS)
def test_every_link_leads_to_a_heading(kind: str) -> None:
    page = render(kind)
    headings = [line.lstrip("# ") for line in page.splitlines() if line.startswith("#")]
    anchors = {re.sub(r"[^a-z0-9_-]", "", heading.lower().replace(" ", "-")) for heading in headings}
    assert set(re.findall(r"\]\(#([^)]+)\)", page)) <= anchors


@pytest.mark.parametrize("kind", KINDS)
def test_headings_are_unique(kind: str) -> None:
    headings = re.findall(r"^###? .*$", render(kind), flags=re.MULTILINE)
    assert len(headings) == len(set(headings))


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_of_the_schema_is_on_the_page(kind: str) -> None:
    page = render(kind)
    keys = {
        key
        for pointer, node in nodes(schema(kind))
        if "/if" not in pointer
        for key in node.get("properties", {})
    }
    assert [key for key in sorted(keys) if f"| `{key}`" not in page] == []


@pytest.mark.parametrize("kind", KINDS)
def test_rows_of_tables_have_three_cells_or_two(kind: str) -> None:
    rows = [line for line in render(kind).splitlines() if line.startswith("| ")]
    assert {len(re.findall(r"(?<!\\)\|", row)) - 1 for row in rows} <= {2, 3}


@pytest.mark.parametrize("kind", KINDS)
def test_the_yaml_on_the_page_can_be_read(kind: str) -> None:
    for text in re.findall(r"```yaml\n(.*?)```", render(kind), flags=re.DOTALL):
        yaml.safe_load(text)


def test_checking_a_folder_tells_what_is_stale(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path)
    assert main(["--check", str(tmp_path)]) == 0
    (tmp_path / "runtime.md").write_text("old")
    assert main(["--check", str(tmp_path)]) == 1
    assert "runtime.md is out of date" in capsys.readouterr().err
    assert main([str(tmp_path)]) == 0
    assert outdated(tmp_path) == []
