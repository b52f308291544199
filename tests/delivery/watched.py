"""A small project on disk, watched by a platform in this process."""

from __future__ import annotations

from pathlib import Path

from caseway.delivery.watch import Outcome, Watch, WatchRequest
from caseway.model.access import local
from caseway.operations.local_client import LocalClient
from caseway.platform.compose import Platform

PROJECT = """\
apiVersion: caseway/v1
kind: Project
metadata: {name: acme}
spec:
  stages:
    - {name: dev, follows: latest}
    - {name: prod, follows: published, protected: true}
"""

USE_CASE = """\
apiVersion: caseway/v1
kind: UseCase
metadata: {name: NAME}
spec:
  title: NAME
  description: Answers.
  processType: organizational
  visibility: organizational
  workflows:
    - id: main
      file: workflows/main.yaml
      response: sync
"""

WORKFLOW = """\
document: {dsl: 1.0.0, namespace: acme, name: NAME, version: 1.0.0}
do:
  - say:
      set: {text: "TEXT"}
"""


def a_use_case(root: Path, name: str, text: str = "hello") -> None:
    """Write a use case with one workflow."""
    folder = root / "use-cases" / name
    (folder / "workflows").mkdir(parents=True, exist_ok=True)
    (folder / "usecase.yaml").write_text(USE_CASE.replace("NAME", name))
    a_workflow(root, name, text)


def a_workflow(root: Path, name: str, text: str) -> Path:
    """Write its workflow; the file."""
    file = root / "use-cases" / name / "workflows" / "main.yaml"
    file.write_text(WORKFLOW.replace("NAME", name).replace("TEXT", text))
    return file


def a_project(root: Path, *names: str) -> Path:
    """Write a project with some use cases."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "caseway.yaml").write_text(PROJECT)
    for name in names:
        a_use_case(root, name)
    return root


def a_watch(platform: Platform, root: Path, **changes: object) -> Watch:
    """A watch on `root`, not begun."""
    client = LocalClient(platform, local("acme", "ann"))
    return Watch(client, WatchRequest(root, **changes))  # type: ignore[arg-type]


def said(outcome: Outcome | None) -> tuple[str, tuple[str, ...]]:
    """Status and names."""
    assert outcome is not None, "nothing was heard"
    assert outcome.status != "failed", outcome
    return outcome.status, outcome.names
