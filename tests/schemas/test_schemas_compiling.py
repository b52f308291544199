"""Validation gives the same answer as running: what it accepts, the interpreter compiles; what it refuses has
a place and a reason."""

from __future__ import annotations

import copy
import json
from collections import defaultdict
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from schema_documents import SPECIFICATION, load
from schema_mutation import mutations

from caseway.model.diagnostic import Diagnostic, Severity
from caseway.repo.read import read
from caseway_runner import InvalidWorkflow, compile_workflow

pytestmark = pytest.mark.skipif(
    not (SPECIFICATION / "examples").is_dir(),
    reason="needs the specification's files in ../shared/reference/spec",
)
EXAMPLES = sorted((SPECIFICATION / "examples").glob("*.yaml"))
STRIDE = 60  # of the tens of thousands of mutations, these few hundred keep this quick


def changed() -> list[tuple[str, Any]]:
    """What was done to which example, and the document, with a name of its own so that none is in the way."""
    found = []
    for path in EXAMPLES:
        for what, document in islice(mutations(load(path)), 0, None, STRIDE):
            own = copy.deepcopy(document)
            if isinstance(own.get("document"), dict) and isinstance(own["document"].get("name"), str):
                own["document"]["name"] = f"m{len(found)}"
            found.append((f"{path.stem}: {what}", own))
    return found


def test_what_validation_accepts_compiles_and_what_it_refuses_has_a_place_and_a_reason(
    tmp_path: Path,
) -> None:
    documents = changed()
    folder = tmp_path / "use-cases" / "demo" / "workflows"
    folder.mkdir(parents=True)
    (tmp_path / "caseway.yaml").write_text(
        "apiVersion: caseway/v1\nkind: Project\nmetadata: {name: acme}\nspec: {}\n"
    )
    entries = "".join(
        f"    - {{id: m{number}, file: workflows/m{number}.json}}\n" for number in range(len(documents))
    )
    (folder.parent / "usecase.yaml").write_text(
        "apiVersion: caseway/v1\nkind: UseCase\nmetadata: {name: demo}\n"
        f"spec:\n  title: Demo\n  workflows:\n{entries}"
    )
    for number, (_, document) in enumerate(documents):
        (folder / f"m{number}.json").write_text(json.dumps(document, indent=1))
    errors: dict[str, list[Diagnostic]] = defaultdict(list)
    for found in read(tmp_path).diagnostics:
        if found.severity is Severity.ERROR:
            errors[Path(found.file).name].append(found)

    surprises, accepted = [], 0
    for number, (what, document) in enumerate(documents):
        if found := errors.get(f"m{number}.json"):
            assert all(item.line >= 1 and item.message for item in found), what
            continue
        accepted += 1
        try:
            compile_workflow(document)
        except InvalidWorkflow as error:
            surprises.append((what, str(error)))
    assert surprises == []
    assert len(documents) > 300 and 25 < accepted < len(documents)
