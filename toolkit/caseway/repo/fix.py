"""Mends what can be mended without asking: edits by position, so that comments and layout stay as they are.

The one rule: an edit is kept only when, read anew, the file says the same as before but for the one thing
mended, and breaks its schema in fewer ways. What needs a decision is left to people.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from caseway.repo.edits import Edit, apply, candidates, tidied
from caseway.repo.json_pointer import token
from caseway.repo.load import Document, LoadedProject
from caseway.repo.older import VERSIONS, updates
from caseway.repo.parse import Parsed, ParsedDocument, parse
from caseway.repo.schema import suspicions, violations

MOST_EDITS = 500  # of one file: more are no slips of the pen
_TEXTS = (".yaml", ".yml", ".json")


@dataclass(frozen=True, slots=True)
class _File:
    """One file as it is being mended: the kinds of its documents by index, and the name it must bear."""

    path: str
    kinds: Mapping[int, str]
    folder: str

    def read(self, text: str) -> Parsed:
        return parse(text.encode("utf-8", "surrogateescape"), self.path)

    def faults(self, parsed: Parsed) -> frozenset[tuple[int, str, str]]:
        """Every way in which the documents break their schemas."""
        found: set[tuple[int, str, str]] = set()
        for document in parsed.documents:
            kind = self.kinds.get(document.index, "")
            if kind:
                problems = [*violations(kind, document.value), *suspicions(kind, document.value)]
                found.update((document.index, problem.pointer, problem.message) for problem in problems)
        return frozenset(found)


def fixes(project: LoadedProject) -> dict[str, str]:
    """The files that can be mended, with their new text; applying them and asking again gives nothing."""
    kinds: dict[str, dict[int, str]] = {}
    for document in project.documents:
        kinds.setdefault(document.path, {})[document.index] = _schema_kind(document)
    wanted = dict(_folder_names(project))
    broken = {found.file for found in project.diagnostics if found.file.endswith(_TEXTS)}
    found: dict[str, str] = {}
    for path in sorted(kinds.keys() | broken):
        text = project.text(path)
        mended = mend(text, path, kinds.get(path, {}), wanted.get(path, ""))
        if mended != text:
            found[path] = mended
    return found


def mend(text: str, path: str, kinds: Mapping[int, str], folder: str = "") -> str:
    """The text of one file, mended to a fixed point. `kinds` says what its documents are, by index; `folder`
    is the name that its use case must bear, "" when that is not to be touched."""
    file = _File(path, kinds, folder)
    for _ in range(MOST_EDITS):
        tidy = _tidy(file, text)
        better = _step(file, tidy)
        if better is None and tidy == text:
            break
        text = tidy if better is None else better
    return text


def upgrades(project: LoadedProject) -> dict[str, str]:
    """The files with documents of an older Caseway, mended and brought up to date."""
    older = {each.path for each in project.documents if each.value.get("apiVersion") in VERSIONS}
    older |= {
        each.path
        for each in project.documents
        if any(updates(each.kind, ParsedDocument(each.value, each.positions, index=each.index)))
    }
    return {path: text for path, text in fixes(project).items() if path in older}


def differences(project: LoadedProject) -> str:
    """What `fixes` would change, as one unified diff."""
    lines: list[str] = []
    for path, new in fixes(project).items():
        old = project.text(path).splitlines(keepends=True)
        lines += difflib.unified_diff(old, new.splitlines(keepends=True), f"a/{path}", f"b/{path}")
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )


def _schema_kind(document: Document) -> str:
    return "" if document.kind == "N8nWorkflow" else document.kind


def _folder_names(project: LoadedProject) -> Iterator[tuple[str, str]]:
    """Use cases that may take the name of their folder: nobody speaks of them by the name they have."""
    named = {document.name for document in project.documents if document.kind == "UseCase"}
    spoken_of = {_use_case_of(document) for document in project.documents if document.kind == "Instance"}
    for document in project.documents:
        folder = PurePosixPath(document.path).parent.name
        is_other = document.kind == "UseCase" and folder and document.name != folder
        if is_other and folder not in named and document.name not in spoken_of:
            yield document.path, folder


def _use_case_of(instance: Document) -> object:
    spec = instance.value.get("spec") if isinstance(instance.value, dict) else None
    name = spec.get("useCase") if isinstance(spec, dict) else None
    return name if isinstance(name, str) else None


def _tidy(file: _File, text: str) -> str:
    """The text with canonical white space, as far as it reads the same."""
    before = file.read(text)
    for better in tidied(text):
        after = file.read(better)
        is_same = [each.value for each in before.documents] == [each.value for each in after.documents]
        if after.is_sound and (is_same if before.is_sound else len(after.documents) >= len(before.documents)):
            text, before = better, after
    return text


def _step(file: _File, text: str) -> str | None:
    """The text after the first edit that mends something, None when there is none."""
    parsed = file.read(text)
    if not parsed.is_sound:
        return None
    faults = file.faults(parsed)
    for edit in _edits(file, text, parsed):
        better = apply(text, edit)
        if better is not None and better != text and _is_better(file, parsed, better, faults, edit):
            return better
    return None


def _edits(file: _File, text: str, parsed: Parsed) -> Iterable[Edit]:
    for document in parsed.documents:
        kind = file.kinds.get(document.index, "")
        if kind:
            yield from updates(kind, document)
            problems = [*violations(kind, document.value), *suspicions(kind, document.value)]
            yield from candidates(text, document, problems)
        if kind == "UseCase" and file.folder:
            yield Edit.of_value(document, "/metadata/name", file.folder, names_folder=True)


def _is_better(
    file: _File, parsed: Parsed, better: str, faults: frozenset[tuple[int, str, str]], edit: Edit
) -> bool:
    after = file.read(better)
    if not after.is_sound or len(after.documents) != len(parsed.documents):
        return False
    for old, new in zip(parsed.documents, after.documents, strict=True):
        expected = edit.expected(old.value) if old.index == edit.index else old.value
        if new.value != expected or type(new.value) is not type(expected):
            return False
    left = file.faults(after)
    return (
        len(left) < len(faults) or (edit.names_folder and left <= faults) or _shows_more(edit, left - faults)
    )


def _shows_more(edit: Edit, new: frozenset[tuple[int, str, str]]) -> bool:
    """Whether a renamed key only brings to light what is wrong below it, now that it is looked at."""
    parent = edit.pointer.rpartition("/")[0]
    below = f"{parent}/{token(edit.key)}"
    return bool(edit.key) and all(
        index == edit.index and pointer.startswith(below) for index, pointer, _ in new
    )
