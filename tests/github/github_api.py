"""GitHub's own words: its API description and examples of its webhooks, from npm, kept out of the repository.

They are large and have owners: installed when a test wants them, never committed. Without npm such tests are
skipped, which says so."""

from __future__ import annotations

import json
import os
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

OPENAPI = ("@octokit/openapi", "23.0.2", "package/generated/api.github.com.json")
EXAMPLES = ("@octokit/webhooks-examples", "7.6.1", "package/api.github.com/index.json")
_REPO = "/repos/{owner}/{repo}"
USED = (
    "/user",
    f"{_REPO}/issues/{{issue_number}}/comments",
    f"{_REPO}/issues/comments/{{comment_id}}",
    f"{_REPO}/check-runs",
    f"{_REPO}/check-runs/{{check_run_id}}",
    f"{_REPO}/commits/{{ref}}/check-runs",
    f"{_REPO}/statuses/{{sha}}",
    f"{_REPO}/deployments",
    f"{_REPO}/deployments/{{deployment_id}}/statuses",
    f"{_REPO}/branches/{{branch}}",
    f"{_REPO}/pulls",
)


def _kept() -> Path:
    base = os.environ.get("CASEWAY_TEST_CACHE") or Path.home() / ".cache" / "caseway-tests"
    folder = Path(base)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _member(package: tuple[str, str, str]) -> Any:
    """One JSON file of one npm package."""
    name, version, member = package
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", f"{name}@{version}", "--silent", "--pack-destination", folder]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=100, cwd=folder)
        except (OSError, subprocess.TimeoutExpired) as error:
            pytest.skip(f"npm cannot fetch {name}: {error}")
        if done.returncode != 0:
            pytest.skip(f"npm cannot fetch {name}: {done.stderr.strip()[:200]}")
        with tarfile.open(next(Path(folder).glob("*.tgz"))) as archive:
            file = archive.extractfile(member)
            assert file is not None
            return json.load(file)


def _remembered(name: str, make: Any) -> Any:
    """A JSON value that is made once on this machine; two processes that make it at once do no harm."""
    file = _kept() / name
    if not file.exists():
        value = make()
        with tempfile.NamedTemporaryFile("w", dir=file.parent, delete=False) as made:
            json.dump(value, made)
        Path(made.name).replace(file)
    return json.loads(file.read_text())


@cache
def api_description() -> dict[str, Any]:
    """The slice of GitHub's OpenAPI description that Caseway uses, with everything it refers to."""
    return dict(_remembered(f"github-api-{OPENAPI[1]}-{len(USED)}b.json", lambda: _sliced(_member(OPENAPI))))


@cache
def webhook_examples() -> dict[str, list[dict[str, Any]]]:
    """Real payloads by the event's name."""
    listed = _remembered(f"webhooks-{EXAMPLES[1]}.json", lambda: _member(EXAMPLES))
    return {each["name"]: each["examples"] for each in listed}


def _sliced(whole: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {
        "openapi": whole["openapi"],
        "info": whole["info"],
        "servers": whole["servers"],
        "paths": {path: whole["paths"][path] for path in USED},
        "components": {},
    }
    waiting = list(_references(kept["paths"]))
    while waiting:
        _, _, room, name = waiting.pop().split("/", 3)
        name = name.replace("~1", "/").replace("~0", "~")
        shelf = kept["components"].setdefault(room, {})
        if name not in shelf:
            shelf[name] = whole["components"][room][name]
            waiting += _references(shelf[name])
    _allow_null(kept)
    return kept


def _allow_null(value: Any) -> None:
    """GitHub forgets null among the words of what may be null, such as the conclusion of a running check."""
    if isinstance(value, dict):
        if (
            value.get("nullable") is True
            and isinstance(value.get("enum"), list)
            and None not in value["enum"]
        ):
            value["enum"].append(None)
        for each in value.values():
            _allow_null(each)
    elif isinstance(value, list):
        for each in value:
            _allow_null(each)


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for each in value.values():
            yield from _references(each)
    elif isinstance(value, list):
        for each in value:
            yield from _references(each)
