"""Builds small projects and git repositories on disk."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

PROJECT = (
    "apiVersion: caseway/v1\nkind: Project\nmetadata: {name: shop}\nspec: {organization: acme, owner: ops}\n"
)
USE_CASE = """\
apiVersion: caseway/v1
kind: UseCase
metadata: {name: NAME}
spec:
  title: The NAME
  workflows:
    - {id: main, file: workflows/main.yaml}
"""
WORKFLOW = """\
document: {dsl: 1.0.1, namespace: NAME, name: main, version: 1.0.0}
do:
  - first: {set: {a: 1}}
"""
INSTANCE = """\
apiVersion: caseway/v1
kind: Instance
metadata: {name: NAME}
spec: {useCase: USE_CASE, stage: dev}
"""


def a_use_case(name: str = "orders") -> dict[str, str]:
    """The files of one use case."""
    return {
        f"use-cases/{name}/usecase.yaml": USE_CASE.replace("NAME", name),
        f"use-cases/{name}/workflows/main.yaml": WORKFLOW.replace("NAME", name),
    }


def a_project(*names: str) -> dict[str, str]:
    """The files of a project with use cases of these names; by default one."""
    files = {"caseway.yaml": PROJECT}
    for name in names or ("orders",):
        files |= a_use_case(name)
    return files


def write(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Put `files` into `folder`."""
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def git(folder: Path, *words: str) -> str:
    """One git command as a known author; gives what it prints."""
    who = {
        f"GIT_{role}_{key}": value
        for role in ("AUTHOR", "COMMITTER")
        for key, value in (("NAME", "Ann"), ("EMAIL", "ann@example.com"))
    }
    environment = {**os.environ, **who, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    done = subprocess.run(
        ["git", "-C", str(folder), *words], env=environment, capture_output=True, check=True
    )
    return done.stdout.decode().strip()


def commit(folder: Path, message: str = "A change") -> str:
    """Commit everything in `folder`, which becomes a repository if it is none; gives the id."""
    if not (folder / ".git").exists():
        git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", message)
    return git(folder, "rev-parse", "HEAD")
