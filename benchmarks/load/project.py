"""The project under load: a workflow of three tasks that an http trigger starts and waits for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

TASKS: list[Any] = [
    {"read": {"set": {"customer": "${ .customer }", "amount": "${ .amount }"}}},
    {
        "judge": {
            "set": {"customer": "${ .customer }", "amount": "${ .amount }", "large": "${ .amount > 50 }"}
        }
    },
    {"answer": {"set": {"total": "${ .amount }", "large": "${ .large }"}}},
]
TRIGGER = {
    "id": "http",
    "type": "http",
    "path": "/start",
    "method": "POST",
    "auth": "none",
    "response": "sync",
}


def write(root: Path) -> Path:
    """The project's files below `root`."""
    folder = root / "use-cases" / "load"
    (folder / "workflows").mkdir(parents=True)
    (root / "instances").mkdir()
    _document(root / "caseway.yaml", "Project", "load", {})
    workflow = {"id": "main", "file": "workflows/main.json", "triggers": [TRIGGER]}
    _document(
        folder / "usecase.yaml",
        "UseCase",
        "load",
        {"title": "Load", "workflows": [workflow], "limits": {"concurrency": 1000}},
    )
    _document(root / "instances" / "load.json", "Instance", "load-dev", {"useCase": "load", "stage": "dev"})
    head = {"dsl": "1.0.3", "namespace": "load", "name": "main", "version": "1.0.0"}
    (folder / "workflows" / "main.json").write_text(json.dumps({"document": head, "do": TASKS}))
    return root


def _document(file: Path, kind: str, name: str, spec: dict[str, Any]) -> None:
    whole = {"apiVersion": "caseway/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}
    file.write_text(json.dumps(whole))
