"""Every rule's bad example triggers it and its good example does not, through the real loader."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from caseway.model.diagnostic import Diagnostic
from caseway.repo.findings import FINDINGS
from caseway.repo.load import load
from caseway.repo.rules import RULES, run_rules
from caseway.repo.rules.docs import BASE, files, render
from caseway.repo.tree import WorkTree

# CW001 needs a broken rule, CW512 a document too large to print; both have tests of their own.
UNSHOWN = {"CW001", "CW512"}
SHOWN = sorted(RULES.keys() - FINDINGS.keys() - UNSHOWN)


def merged(base: Any, extra: Any) -> Any:
    if isinstance(base, Mapping) and isinstance(extra, Mapping):
        return {**base, **{key: merged(base.get(key), value) for key, value in extra.items()}}
    return extra


def text_of(path: str, content: str) -> str:
    """The example's file, completed by the base file of the same path when it is only a part."""
    if path not in BASE or "# caseway:" in content:
        return content if path not in BASE else content_over_base(path, content)
    return yaml.safe_dump(merged(yaml.safe_load(BASE[path]), yaml.safe_load(content)), sort_keys=False)


def content_over_base(path: str, content: str) -> str:
    head = BASE[path].split("spec:")[0]
    return head + content.replace("spec:\n", "spec:\n  title: Demo\n", 1)


def findings(folder: Path, example: str) -> list[Diagnostic]:
    for path, content in {
        **BASE,
        **{path: text_of(path, part) for path, part in files(example).items()},
    }.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode())
    (project,) = load(WorkTree(folder)).projects
    return run_rules(project, others=project.diagnostics)


def test_the_base_project_has_no_findings(tmp_path: Path) -> None:
    assert findings(tmp_path, "") == []


@pytest.mark.parametrize("code", SHOWN)
def test_the_bad_example_triggers_the_rule_with_a_place_and_a_hint(code: str, tmp_path: Path) -> None:
    found = findings(tmp_path, RULES[code].example_bad)
    mine = [diagnostic for diagnostic in found if diagnostic.code == code]
    assert mine, found
    assert all(diagnostic.line >= 1 and diagnostic.column >= 1 for diagnostic in mine)
    assert all(diagnostic.severity == RULES[code].severity for diagnostic in mine)


@pytest.mark.parametrize("code", SHOWN)
def test_the_good_example_triggers_no_rule_at_all(code: str, tmp_path: Path) -> None:
    found = findings(tmp_path, RULES[code].example_good)
    tolerated = {"CW405", "CW406", "CW407", "CW806"} - {code}
    assert [diagnostic for diagnostic in found if diagnostic.code not in tolerated] == []


@pytest.mark.parametrize("code", sorted(RULES))
def test_every_rule_is_explained(code: str) -> None:
    rule = RULES[code]
    assert rule.code == code
    assert rule.name == rule.name.lower().replace(" ", "-")
    assert rule.summary
    assert not rule.summary.endswith(".")
    assert rule.why.rstrip().endswith((".", "`", ")"))


def test_names_of_rules_are_unique() -> None:
    names = [rule.name for rule in RULES.values()]
    assert len(names) == len(set(names))


def test_the_page_of_rules_is_up_to_date() -> None:
    page = Path(__file__).parents[2] / "docs" / "rules.md"
    assert page.read_text(encoding="utf-8") == render(), "run `make docs`"


def test_the_page_has_a_section_for_every_code() -> None:
    text = render()
    assert all(f"### {code} " in text for code in RULES)
