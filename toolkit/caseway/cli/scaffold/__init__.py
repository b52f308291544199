"""Writes what a new project or use case begins with, from the files beside this module.

Rule: nothing that exists is overwritten."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from caseway.model.errors import CasewayError

HERE = Path(__file__).parent
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def name_from(text: str, *, given: bool) -> str:
    """A legal name: `text` itself when `given` by the user (else refused), or made from a folder's name."""
    if _NAME.fullmatch(text):
        return text
    legal = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:63].strip("-") or "automations"
    if given:
        raise CasewayError(
            f"{text!r} is not a name",
            code="bad-name",
            hint=f"names are lower-case letters, digits and inner dashes, such as {legal!r}",
        )
    return legal


def write_project(root: Path, name: str) -> list[str]:
    """The files written for project `name`, relative to `root`."""
    made = _copy(HERE / "project", root, {"@NAME@": name})
    ignore = root / ".gitignore"
    lines = ignore.read_text().splitlines() if ignore.exists() else []
    if ".caseway/" not in lines:
        ignore.write_text("\n".join([*lines, ".caseway/"]) + "\n")
        made.append(".gitignore")
    return made


def write_use_case(root: Path, name: str, title: str) -> list[str]:
    """The files written for use case `name`, relative to `root`."""
    folder = root / "use-cases" / name
    files = _copy(HERE / "use-case", folder, {"@NAME@": name, "@TITLE@": title.replace("\n", " ")})
    return [f"use-cases/{name}/{file}" for file in files]


def copy_starter(root: Path, starter: str, name: str, title: str) -> list[str]:
    """Copy use case `starter` as `name`: its name, title and namespace changed, the rest kept."""
    source = root / "use-cases" / starter
    if not (source / "usecase.yaml").is_file():
        raise CasewayError(
            f"there is no use case {starter!r} to start from", code="not-found", place=str(source)
        )
    folder = root / "use-cases" / name
    made = []
    for file in sorted(source.rglob("*")):
        if file.is_symlink() or not file.is_file():
            continue
        goal = folder / file.relative_to(source)
        goal.parent.mkdir(parents=True, exist_ok=True)
        data = file.read_bytes()
        goal.write_bytes(_titled(renamed(data, file.name, starter, name), file.name, title))
        made.append(goal.relative_to(root).as_posix())
    return made


def renamed(data: bytes, file: str, old_name: str, name: str) -> bytes:
    """The content of a use case's file when the use case is called otherwise: its name, the namespace of its
    workflows, and what refers to them."""
    if not file.endswith((".yaml", ".yml", ".json")):
        return data
    text = data.decode("utf-8", "surrogateescape")
    old = re.escape(old_name)
    text = re.sub(rf"(\b(?:name|namespace|useCase)\"?:\s*\"?){old}(?=[\s\",}}]|$)", rf"\g<1>{name}", text)
    return text.encode("utf-8", "surrogateescape")


def _titled(data: bytes, file: str, title: str) -> bytes:
    text = data.decode("utf-8", "surrogateescape")
    if file.startswith("usecase."):
        text = re.sub(r"(?m)^(  title:).*$", lambda found: f"{found[1]} {title}", text, count=1)
        text = re.sub(r"(?m)^  starter: true\n", "", text)
    return text.encode("utf-8", "surrogateescape")


def is_in_git(root: Path) -> bool:
    """Whether `root` lies in a git work tree."""
    folder = root.resolve()
    return any((parent / ".git").exists() for parent in (folder, *folder.parents))


def make_git(root: Path) -> None:
    """`git init` with `main` as the first branch."""
    try:
        subprocess.run(["git", "init", "-q", "-b", "main", str(root)], check=True, capture_output=True)  # noqa: S603, S607 - the user's own git
    except (OSError, subprocess.CalledProcessError) as error:
        raise CasewayError(
            "git could not make a repository", code="git", hint="install git, or use --no-git"
        ) from error


def _copy(source: Path, goal: Path, words: dict[str, str]) -> list[str]:
    made = []
    for file in sorted(source.rglob("*")):
        if not file.is_file() or "__pycache__" in file.parts:
            continue
        target = goal / file.relative_to(source)
        if target.exists():
            continue
        text = file.read_text()
        for mark, word in words.items():
            text = text.replace(mark, word)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        made.append(target.relative_to(goal).as_posix())
    return made
