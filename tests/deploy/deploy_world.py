"""What is in `deploy/`, read for the tests: manifests, the compose file, what the scripts make."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import click
import yaml

from caseway.cli.main import cli

CLONE = Path(__file__).resolve().parents[2]
DEPLOY = CLONE / "deploy"
EXAMPLES = frozenset({"ingress.example.yaml", "secret.example.yaml"})
OURS = "caseway"


@cache
def manifests() -> dict[str, list[dict[str, Any]]]:
    """The Kubernetes objects by file, without kustomize's own."""
    files = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
    return {file.name: _objects(file) for file in files if file.name != "kustomization.yaml"}


def of_kind(*kinds: str) -> list[dict[str, Any]]:
    """All objects of these kinds."""
    return [item for items in manifests().values() for item in items if item["kind"] in kinds]


def named(kind: str, name: str) -> dict[str, Any]:
    """The object of that kind and name."""
    (found,) = [item for item in of_kind(kind) if item["metadata"]["name"] == name]
    return found


def workloads() -> list[dict[str, Any]]:
    """Whatever makes pods."""
    return of_kind("Deployment", "StatefulSet", "Job")


def pod_of(workload: dict[str, Any]) -> dict[str, Any]:
    """The spec of a workload's pods."""
    spec: dict[str, Any] = workload["spec"]["template"]["spec"]
    return spec


def container_of(workload: dict[str, Any]) -> dict[str, Any]:
    """Its only container."""
    (container,) = pod_of(workload)["containers"]
    found: dict[str, Any] = container
    return found


@cache
def compose(name: str = "compose.yaml") -> dict[str, Any]:
    """A compose file, anchors and merges resolved."""
    found: dict[str, Any] = yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8"))
    return found


def made_secrets(folder: Path) -> dict[str, str]:
    """What `deploy/secrets.sh` makes there."""
    subprocess.run([DEPLOY / "secrets.sh", folder], check=True, capture_output=True)
    return {file.name: file.read_text() for file in folder.iterdir()}


def parsed(words: list[str]) -> tuple[str, dict[str, Any]]:
    """A command line as the real command reads it: the command's path and its options. Raises for one that
    there is not."""
    command: click.Command = cli
    context = click.Context(cli)
    path: list[str] = []
    rest = list(words)
    while isinstance(command, click.Group):
        name = rest.pop(0)
        found = command.get_command(context, name)
        assert found is not None, f"there is no command {' '.join([*path, name])}"
        command = found
        path.append(name)
    return " ".join(path), command.make_context(path[-1], rest).params


def settings() -> set[str]:
    """The variables that the documentation lists."""
    text = (CLONE / "docs" / "settings.md").read_text(encoding="utf-8")
    return set(re.findall(r"`([A-Z][A-Z_]+)`", text))


def _objects(file: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(file.read_text(encoding="utf-8")))
