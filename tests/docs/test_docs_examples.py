"""What the documentation shows is true: documents validate, workflows compile."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from docs_pages import Example, examples, pages

import caseway_runner
from caseway.repo.parse import parse
from caseway.repo.placeholders import render
from caseway.repo.schema import violations

CONTEXT = {
    "params": {"limit": 200, "approvalLimit": 1000},
    "connections": {"ledger": {"url": "https://ledger.example"}},
}
SHOWN = [example for page in pages() for example in examples(page)]
DOCUMENTS = [
    example
    for example in SHOWN
    if example.language == "yaml" and ("apiVersion:" in example.text or "document:" in example.text)
]


@pytest.mark.parametrize("example", DOCUMENTS, ids=lambda example: example.place)
def test_every_document_shown_validates(example: Example) -> None:
    for value in _values(example):
        kind = "Workflow" if "document" in value else value["kind"]
        assert [f"{item.pointer}: {item.message}" for item in violations(kind, value)] == []


@pytest.mark.parametrize(
    "example",
    [item for item in DOCUMENTS if "document:" in item.text and "apiVersion" not in item.text],
    ids=lambda item: item.place,
)
def test_every_workflow_shown_compiles(example: Example) -> None:
    for value in _values(example):
        found = caseway_runner.problems(render(value, CONTEXT))
        assert [f"{item.pointer}: {item.message}" for item in found] == []


@pytest.mark.parametrize(
    "example", [item for item in SHOWN if item.language == "yaml"], ids=lambda item: item.place
)
def test_every_piece_of_yaml_shown_is_yaml(example: Example) -> None:
    list(yaml.safe_load_all(example.text))


def test_there_are_examples_of_every_kind() -> None:
    kinds = {value.get("kind", "Workflow") for example in DOCUMENTS for value in _values(example)}
    assert kinds >= {"Project", "UseCase", "Instance", "WorkflowTest", "Workflow"}


def _values(example: Example) -> list[Any]:
    parsed = parse(example.text.encode(), example.place)
    assert parsed.diagnostics == (), parsed.diagnostics
    return [document.value for document in parsed]
