"""Moves the pin of a stage in the repo: the one line of an Instance document, as a commit to be reviewed.

Rule: comments and layout stay as they are; what the file says afterwards differs in the version alone."""

from __future__ import annotations

import copy
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from semver import Version

from caseway.model.errors import CasewayError
from caseway.repo.edits import Edit, apply
from caseway.repo.load import Document, LoadedProject
from caseway.repo.parse import ParsedDocument, parse
from caseway.repo.read import read

POINTER = "/spec/version"


@dataclass(frozen=True, slots=True)
class Pin:
    """The change: in `path` (from the project's folder) the version becomes `after`; `before` is "" for a new
    file."""

    root: Path
    path: str
    instance: str
    use_case: str
    stage: str
    before: str
    after: str
    text: str

    @property
    def title(self) -> str:
        """What a commit or pull request is called."""
        return f"Promote {self.use_case} {self.after} to {self.stage}"

    @property
    def is_change(self) -> bool:
        """Whether there is anything to do."""
        return self.before != self.after


def pin(root: Path, use_case: str, stage: str, version: str, *, owner: str = "") -> Pin:
    """The change that makes `stage` run `version` of `use_case`. Nothing is written.

    Raises `not-a-version`, `no-such-stage`, `no-such-use-case`, `ambiguous`, `cannot-edit`."""
    if not Version.is_valid(version) or "+" in version:
        hint = "a version such as 1.3.0; snapshots are never promoted"
        raise CasewayError(f"{version!r} cannot be promoted", code="not-a-version", hint=hint)
    project = _project(root)
    stages = _stages(project)
    if stage not in stages:
        raise CasewayError(
            f"there is no stage {stage!r}", code="no-such-stage", hint=f"the stages are: {', '.join(stages)}"
        )
    if not any(each.kind == "UseCase" and each.name == use_case for each in project.documents):
        raise CasewayError(
            f"there is no use case {use_case!r}", code="no-such-use-case", hint="see 'caseway validate'"
        )
    found = [each for each in project.documents if _is_of(each, use_case, stage, stages[0], owner)]
    if len(found) > 1:
        names = ", ".join(each.name for each in found)
        raise CasewayError(
            f"{use_case} has several instances in {stage}: {names}", code="ambiguous", hint="say --owner"
        )
    if not found:
        return _new(root, project, (use_case, stage, version, owner))
    return _moved(root, project, found[0], (use_case, stage, version))


def commit_pin(change: Pin) -> str:
    """Write the file and commit it alone, on the branch that is checked out; the commit."""
    file = change.root / change.path
    if _git(change.root, "status", "--porcelain", "--", change.path):
        raise CasewayError(
            f"{change.path} has changes that are not committed",
            code="dirty-file",
            place=change.path,
            hint="commit or undo them first",
        )
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(change.text, encoding="utf-8")
    _git(change.root, "add", "--", change.path)
    _git(change.root, "commit", "--quiet", "-m", change.title, "--only", "--", change.path)
    return _git(change.root, "rev-parse", "HEAD")


def branch_pin(change: Pin, branch: str, base: str = "HEAD") -> str:
    """Commit the change to a new branch, leaving the work tree as it is; the commit. Raises
    `branch-exists`."""
    ref = f"refs/heads/{branch}"
    _git(change.root, "check-ref-format", ref)
    parent = _git(change.root, "rev-parse", "--verify", "--end-of-options", f"{base}^{{commit}}")
    top = _git(change.root, "rev-parse", "--show-prefix")
    blob = _git(change.root, "hash-object", "-w", "--stdin", text=change.text)
    with TemporaryDirectory(prefix="caseway-index-") as folder:
        index = {"GIT_INDEX_FILE": f"{folder}/index"}
        _git(change.root, "read-tree", parent, environment=index)
        entry = f"100644,{blob},{top}{change.path}"
        _git(change.root, "update-index", "--add", "--cacheinfo", entry, environment=index)
        tree = _git(change.root, "write-tree", environment=index)
    made = _git(change.root, "commit-tree", tree, "-p", parent, "-m", change.title)
    try:
        _git(change.root, "update-ref", ref, made, "0" * len(made))
    except CasewayError as error:
        hint = "give another with --branch"
        raise CasewayError(
            f"there is a branch {branch!r} already", code="branch-exists", hint=hint
        ) from error
    return made


def push_branch(root: Path, branch: str, remote: str = "origin") -> None:
    """Push a branch."""
    _git(root, "push", "--quiet", remote, f"refs/heads/{branch}:refs/heads/{branch}")


def _project(root: Path) -> LoadedProject:
    found = read(root).projects
    if len(found) != 1:
        raise CasewayError(
            f"there are {len(found)} projects here", code="no-project", hint="choose one with -C PATH"
        )
    return found[0]


def _stages(project: LoadedProject) -> list[str]:
    spec = next((each.value.get("spec") or {} for each in project.documents if each.kind == "Project"), {})
    return [str(item["name"]) for item in spec.get("stages") or ({"name": "dev"}, {"name": "prod"})]


def _is_of(document: Document, use_case: str, stage: str, first: str, owner: str) -> bool:
    spec: Mapping[str, Any] = document.value.get("spec") or {}
    if document.kind != "Instance" or spec.get("archived") or not document.is_valid:
        return False
    is_owner = not owner or spec.get("owner") == owner
    return spec.get("useCase") == use_case and (spec.get("stage") or first) == stage and is_owner


def _new(root: Path, project: LoadedProject, of: tuple[str, str, str, str]) -> Pin:
    """A new document for a stage that has none yet."""
    use_case, stage, version, owner = of
    name = f"{use_case}-{stage}"
    path = f"instances/{name}.yaml"
    if path in project.known or any(
        each.kind == "Instance" and each.name == name for each in project.documents
    ):
        raise CasewayError(
            f"there is an instance {name!r} already, of something else",
            code="ambiguous",
            place=path,
            hint=f"declare the instance of {use_case} in {stage} by hand",
        )
    text = (
        "apiVersion: caseway/v1\nkind: Instance\nmetadata:\n"
        f"  name: {name}\nspec:\n  useCase: {use_case}\n  stage: {stage}\n  version: {version}\n"
    )
    text += f"  owner: {owner}\n" if owner else ""
    return Pin(root, path, name, use_case, stage, "", version, text)


def _moved(root: Path, project: LoadedProject, document: Document, of: tuple[str, str, str]) -> Pin:
    use_case, stage, version = of
    text = project.text(document.path)
    parsed = _nth(text, document)
    wanted = copy.deepcopy(parsed.value)
    before = str((wanted.get("spec") or {}).get("version") or "*")
    wanted["spec"]["version"] = version
    after = text if before == version else _edited(text, parsed, version)
    if after is None or _nth(after, document).value != wanted:
        raise CasewayError(
            f"the version in {document.path} cannot be moved by itself",
            code="cannot-edit",
            place=document.path,
            hint=f"write `version: {version}` there by hand",
        )
    return Pin(root, document.path, document.name, use_case, stage, before, version, after)


def _nth(text: str, document: Document) -> ParsedDocument:
    return parse(text.encode(), document.path).documents[document.index]


def _edited(text: str, parsed: ParsedDocument, version: str) -> str | None:
    """The text with the version in the place of the old one, or in a line of its own after the use case."""
    if parsed.positions.has(POINTER):
        return apply(text, Edit.of_value(parsed, POINTER, version))
    line, column = parsed.positions.key("/spec/useCase")
    lines = text.splitlines(keepends=True)
    head = lines[line - 1][: column - 1]
    if head.strip():  # in braces: another entry before it
        lines[line - 1] = f"{head}version: {version}, {lines[line - 1][column - 1 :]}"
    else:
        lines.insert(line - 1, f"{head}version: {version}\n")
    return "".join(lines)


def _git(
    root: Path, *words: str, text: str | None = None, environment: Mapping[str, str] | None = None
) -> str:
    """One git command of the user's own, with their identity and hooks; what it said."""
    answer = subprocess.run(  # noqa: S603 - a fixed program, a list of arguments, no shell
        ["git", "-C", str(root), *words],  # noqa: S607 - the git that the user has
        input=text,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **(environment or {})},
    )
    if answer.returncode != 0:
        said = (answer.stderr or answer.stdout).strip()[-400:]
        raise CasewayError(f"git {words[0]}: {said}", code="git", place=str(root), hint="see 'git status'")
    return answer.stdout.strip()
