"""Our workflow schema beside the specification's: they judge placeholder-free documents alike.

Where ours differs on purpose:

* `document.dsl` must be 1.0.x; the specification's takes any semantic version.
* `error.instance` and an event's `time` must have their form (JSON Pointer, RFC 3339); the specification's
  says so by `format` only, and refuses runtime expressions there when formats are not asserted.
* A runtime expression may span lines.
* An authentication policy under `use` has exactly one scheme; the specification's lets a second one pass
  when it is broken.
* `evaluate` is described by the specification's text, though not by its schema: ours knows it.
* `$[[ … ]]` placeholders may stand for numbers, booleans and objects.
"""

from __future__ import annotations

from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema_rs import Draft202012Validator
from schema_documents import SPECIFICATION, cases, load
from schema_mutation import mutations, paths

from caseway.repo.schema import schema, violations

pytestmark = pytest.mark.skipif(
    not (SPECIFICATION / "schema" / "workflow.yaml").is_file(),
    reason="needs the specification's files in ../shared/reference/spec",
)
EXAMPLES = sorted((SPECIFICATION / "examples").glob("*.yaml"))
OWN = [path for kind, path in cases("valid") if kind == "workflow"]
STRIDE = 3  # of the tens of thousands of mutations, every third keeps this quick


@cache
def _theirs() -> Draft202012Validator:
    return Draft202012Validator(load(SPECIFICATION / "schema" / "workflow.yaml"))


@cache
def _ours() -> Draft202012Validator:
    return Draft202012Validator(schema("Workflow"))


def _name(path: Path) -> str:
    return path.stem


@pytest.mark.parametrize("path", EXAMPLES, ids=_name)
def test_an_example_of_the_specification_is_valid(path: Path) -> None:
    assert violations("Workflow", load(path)) == []


def test_mutations_of_the_examples_are_judged_alike() -> None:
    differences = [
        (path.stem, what)
        for path in EXAMPLES
        for what, document in islice(mutations(load(path)), 0, None, STRIDE)
        if _ours().is_valid(document) != _theirs().is_valid(document)
    ]
    assert differences == []


def test_mutations_of_a_document_with_every_task_are_judged_alike_but_for_the_known_differences() -> None:
    document = next(load(path) for path in OWN if path.stem == "every-task")
    differences = [
        what
        for what, changed in mutations(document)
        if _ours().is_valid(changed) != _theirs().is_valid(changed) and not _is_known(what)
    ]
    assert differences == []


def _is_known(what: str) -> bool:
    return any(key in what for key in ("'instance')", "'time')", "('evaluate',"))


@given(st.data())
def test_two_mutations_at_once_are_judged_alike(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(EXAMPLES))
    document: Any = load(path)
    for _ in range(2):
        choices = sum(1 for _ in paths(document))
        nth = data.draw(st.integers(0, max(0, choices * 12)))
        document = next(islice(mutations(document), nth, None), ("", document))[1]
    assert _ours().is_valid(document) == _theirs().is_valid(document)
