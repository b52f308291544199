"""The same use cases for another organization: a project as one of its overlays has it.

The one rule: an overlay says for whom something is installed and with which values, never what it is; so the
templates of all organizations are the same.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

from caseway.model.diagnostic import Diagnostic
from caseway.model.errors import CasewayError
from caseway.repo.load import Document, LoadedProject
from caseway.repo.quote import quoted

_LEFT_OUT = frozenset({"UseCase", "WorkflowTest"})  # workflows stay: those of other use cases may call them


def overlaid(project: LoadedProject, name: str) -> LoadedProject:
    """The project with the organization, owner, use cases and instances of overlay `name`; raises
    CasewayError (`no-such-overlay`)."""
    known = [each for each in project.documents if each.kind == "Overlay"]
    overlay = next((each for each in known if each.name == name), None)
    if overlay is None:
        names = ", ".join(sorted(each.name for each in known)) or "none; they are documents of kind Overlay"
        message = f"there is no overlay {quoted(name)}"
        raise CasewayError(message, code="no-such-overlay", hint=f"the overlays here: {names}")
    return _with(project, overlay)


def check_overlays(project: LoadedProject) -> Iterator[Diagnostic]:
    """What is wrong with the instances of the overlays, each seen with its own project."""
    for overlay in project.documents:
        if overlay.kind == "Overlay" and project.overlaid.get(overlay.path):
            from caseway.repo.rules import run_rules  # noqa: PLC0415 - heavy, and few projects have overlays

            yield from (item for item in run_rules(_with(project, overlay)) if item.file == overlay.path)


def _with(project: LoadedProject, overlay: Document) -> LoadedProject:
    settings = _spec(overlay)
    wanted = settings.get("useCases") or ["*"]
    documents = [
        _changed(each, settings) if each.kind == "Project" else each
        for each in project.documents
        if each.kind not in {"Instance", "Overlay"}
    ]
    left_out = {
        posixpath.dirname(each.path)
        for each in documents
        if each.kind == "UseCase" and not any(fnmatchcase(each.name, str(glob)) for glob in wanted)
    }
    kept = [each for each in documents if each.kind not in _LEFT_OUT or not _is_below(each.path, left_out)]
    return replace(project, documents=(*kept, *project.overlaid.get(overlay.path, ())), overlaid={})


def _changed(document: Document, settings: Mapping[str, Any]) -> Document:
    changed = {key: settings[key] for key in ("organization", "owner") if key in settings}
    return replace(document, value={**document.value, "spec": {**_spec(document), **changed}})


def _spec(document: Document) -> dict[str, Any]:
    found = document.value.get("spec") if isinstance(document.value, dict) else None
    return found if isinstance(found, dict) else {}


def _is_below(path: str, folders: set[str]) -> bool:
    folder = posixpath.dirname(path)
    while folder and folder not in folders:
        folder = posixpath.dirname(folder)
    return folder in folders
