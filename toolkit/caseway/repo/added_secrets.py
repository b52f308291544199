"""Secrets that a range of commits adds, in whatever file of the repository, though a later one removes them.

Rule: what is in the history can be read by all who have the repository; only revoking a secret mends it."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from caseway.model.diagnostic import Diagnostic
from caseway.model.errors import CasewayError
from caseway.repo import git
from caseway.repo.findings import finding
from caseway.repo.quote import printable
from caseway.repo.rules.text_pass import LONGEST, MARK, text_of
from caseway.repo.secrets_scan import tokens, url_logins

CODE = "CW123"
MOST = 5_000  # commits that are looked at, the newest first
_HINT = (
    "revoke it: who has the repository has it; then rewrite the commit, or say `caseway: ignore` in its line"
)


@dataclass(frozen=True, slots=True)
class _Added:
    """A file as a commit made it: from the blobs `before`, one of each parent."""

    commit: str
    path: str
    blob: str
    before: tuple[str, ...]


def secrets_added(
    folder: Path, since: str, until: str | None = None, *, prefix: str = ""
) -> list[Diagnostic]:
    """What the commits after `since` up to `until` (HEAD) add, in all files of the repository around
    `folder`; the files are named from `prefix`, the folder that was read.

    Raises `CasewayError`: `no-git-repository`, `no-such-ref`."""
    if git.repository(folder) is None:
        raise CasewayError("this is no git repository", code="no-git-repository", place=str(folder))
    begin, end = git.resolve(folder, since), git.resolve(folder, until or "HEAD")
    found: dict[tuple[str, str], Diagnostic] = {}
    there = _files(folder, begin)
    added_files = [_beside(each, there) for each in _added(folder, begin, end)]
    known_blobs = frozenset(there.values())
    fresh = [each for each in added_files if each.blob not in known_blobs]
    for added, line, diagnostic in _found(folder, fresh, prefix):
        found.setdefault((added.path, line), diagnostic)  # the earliest comes first
    return list(found.values())


def _found(folder: Path, added: list[_Added], prefix: str) -> Iterator[tuple[_Added, str, Diagnostic]]:
    for each in reversed(added):
        content, *older = git.read_blobs(folder, [each.blob, *each.before], longest=LONGEST)
        text = text_of(content or b"")
        secrets = [(secret, "looks like a") for secret in tokens(text)]
        secrets += [(secret, "is a") for secret in url_logins(text)]
        if not secrets:
            continue
        lines = text.split("\n")
        known = {line for blob in older for line in text_of(blob or b"").split("\n")}
        for secret, words in secrets:
            line = lines[secret.line - 1]
            if line in known or MARK in line:
                continue
            message = f"commit {each.commit[:10]} adds what {words} {secret.kind} ({secret.shown})"
            place = posixpath.relpath(each.path, prefix) if prefix else each.path
            at = secret.line, secret.column
            yield each, line, finding(CODE, printable(place), message, at=at, hint=_HINT)


def _files(folder: Path, commit: str) -> Mapping[str, str]:
    """The blob of each file in a commit."""
    answer = git.run(folder, "ls-tree", "-r", "-z", "--full-tree", commit)
    entries = (entry.partition("\t") for entry in os.fsdecode(answer.stdout).split("\0"))
    return {path: head.split(" ")[2] for head, _, path in entries if path}


def _beside(added: _Added, there: Mapping[str, str]) -> _Added:
    """What the range found there counts as there before: where a checkout ends, a commit seems to have made
    all of its files."""
    blob = there.get(added.path)
    return replace(added, before=(*added.before, blob)) if blob else added


def _added(folder: Path, begin: str, end: str) -> Iterator[_Added]:
    """The files that commits between two made or changed, the newest commit first."""
    words = ("--raw", "-c", "-z", "--no-abbrev", "--no-renames", "--no-ext-diff", "--no-textconv")
    answer = git.run(
        folder,
        *("log", *words, "--no-show-signature", "--root", f"--max-count={MOST}", "--format=%x01%H"),
        *(f"{begin}..{end}", "--"),
        config={"log.showSignature": "false", "log.showRoot": "true"},
    )
    if answer.returncode != 0:
        message = answer.stderr.decode("utf-8", "replace").strip()[:200]
        raise CasewayError(f"git cannot read the range: {message}", code="no-such-ref", place=str(folder))
    commit = ""
    parts = iter(os.fsdecode(answer.stdout).split("\0"))
    for part in parts:
        entry = part.lstrip("\n")
        if entry.startswith("\x01"):
            commit = entry[1:].strip()
        elif entry.startswith(":"):
            path = next(parts, "")
            made = _entry(commit, entry, path)
            if made is not None:
                yield made


def _entry(commit: str, entry: str, path: str) -> _Added | None:
    """One line of git's raw format: `:<mode>… <mode> <blob>… <blob> <status>`; None where it adds nothing."""
    parents = len(entry) - len(entry.lstrip(":"))
    words = entry.lstrip(":").split(" ")
    modes, blobs = words[: parents + 1], words[parents + 1 : 2 * parents + 2]
    if len(blobs) != parents + 1 or not modes[-1].startswith("10") or blobs[-1].strip("0") == "":
        return None
    return _Added(commit, path, blobs[-1], tuple(blob for blob in blobs[:-1] if blob.strip("0")))
