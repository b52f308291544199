"""The project that the guide talks about, made of the documents that the guide itself shows."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from docs_pages import CLONE, Example, examples

DOCS = CLONE / "docs"
REST = {
    "caseway.yaml": """\
apiVersion: caseway/v1
kind: Project
metadata: {name: acme-automations}
spec:
  organization: acme
  stages:
    - {name: dev, follows: latest, branches: [main]}
    - {name: prod, follows: published, tags: ["v*"], protected: true}
""",
    "connections/ledger.yaml": """\
apiVersion: caseway/v1
kind: Connection
metadata: {name: ledger}
spec: {type: http, url: "http://ledger.acme.example"}
""",
    "use-cases/day-summary/usecase.yaml": """\
apiVersion: caseway/v1
kind: UseCase
metadata: {name: day-summary}
spec:
  title: Summary of a day
  description: Each user has an own one.
  processType: personal
  parameters:
    type: object
    properties:
      hour: {type: integer, default: 6}
  workflows:
    - {id: tell, file: workflows/tell.yaml}
""",
    "use-cases/day-summary/workflows/tell.yaml": """\
document: {dsl: 1.0.3, namespace: day-summary, name: tell, version: 1.0.0}
do:
  - say:
      set: {at: "$[[ params.hour ]]"}
""",
    **dict.fromkeys(("secret.txt", "secret", "token"), "what-only-we-know\n"),
    ".gitignore": ".caseway/\n/secret*\n/token\n",
}


def a_project(folder: Path) -> None:
    """Write the project, committed on branch `main`."""
    use_case = folder / "use-cases" / "expense-check"
    _write(use_case / "usecase.yaml", _of("writing-a-use-case.md", "kind: UseCase", "name: expense-check"))
    _write(use_case / "workflows/check.yaml", _of("writing-a-use-case.md", "namespace: expense-check"))
    _write(use_case / "tests/asks.yaml", _of("testing-workflows.md", "name: asks-when-the-budget-is-gone"))
    instance = _of("versions-and-instances.md", "kind: Instance", "name: expense-check-dev")
    _write(folder / "instances/expense-check-dev.yaml", instance)
    for name, text in REST.items():
        _write(folder / name, text)
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder, "begin")


def a_parameter_more(folder: Path) -> None:
    """A change that makes the next minor version, committed."""
    file = folder / "use-cases/expense-check/usecase.yaml"
    text = file.read_text(encoding="utf-8")
    more = "      approver: {type: string, default: carla, title: Who is asked}\n"
    changed = re.sub(r"(?m)^    properties:\n", "    properties:\n" + more, text, count=1)
    assert changed != text
    _write(file, changed)
    commit(folder, "somebody is asked")


def git(folder: Path, *words: str) -> str:
    """One git command; what it said."""
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@acme.example")
    return subprocess.run(
        ["git", *identity, *words], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


def commit(folder: Path, message: str) -> None:
    """Commit everything."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", message)


def steps(page: Path) -> list[Example]:
    """The blocks of a page that are to be typed in the project."""
    return [example for example in examples(page) if example.note == "run in the project"]


def commands(example: Example) -> list[str]:
    """What is typed in a block, without remarks."""
    text = example.text.replace("\\\n", " ")
    lines = re.findall(r"^\$ (.*)$", text, re.MULTILINE)
    return [re.sub(r"\s{2,}#.*$", "", line) for line in lines]


def _of(page: str, *marks: str) -> str:
    found = [each.text for each in examples(DOCS / page) if all(mark in each.text for mark in marks)]
    assert found, f"{page} shows no document with {marks}"
    return found[0]


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
