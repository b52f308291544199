"""Which files belong together: a use case, its instances and what they name are one unit.

The one rule: a unit's findings depend on nothing outside of it but the rest, the unit "", which holds every
file that is of no use case or is shared by some. What cannot be told apart for certain is one unit.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from caseway.repo.discover import USE_CASE_FILES
from caseway.repo.rules.shape import items, mapping, text, texts
from caseway.repo.rules.view import beside

if TYPE_CHECKING:
    from caseway.repo.load import Document, LoadedProject

REST = ""
SHARED = frozenset({"Project", "Runtime", "Connection"})


def units(project: LoadedProject) -> Mapping[str, str]:
    """The unit of every file of a project, by its path."""
    division = _Division(project)
    for document in project.documents:
        division.take(document)
    return {path: division.unit(division.home(path)) for path in project.paths}


class _Division:
    """Folders of use cases, joined when something leads from one to the other."""

    def __init__(self, project: LoadedProject) -> None:
        self._folders = {
            each.rpartition("/")[0] for each in project.paths if each.rpartition("/")[2] in USE_CASE_FILES
        }
        use_cases = [each for each in project.documents if each.kind == "UseCase"]
        self._folders |= {posixpath.dirname(each.path) for each in use_cases}
        self._homes: dict[str, str] = {"": REST}
        self._files: dict[str, str] = {}  # instances by their own path: they lie elsewhere
        self._joined: dict[str, str] = {}
        self._named: dict[str, str] = {}
        for each in use_cases:
            home = self.home(each.path)
            self._join(home, self._named.setdefault(each.name, home))

    def home(self, path: str) -> str:
        """The outermost folder of a use case around a file, or the file's own unit."""
        return self._files.get(path) or self._home(path.rpartition("/")[0])

    def _home(self, folder: str) -> str:
        known = self._homes.get(folder)
        if known is None:
            outer = self._home(posixpath.dirname(folder))
            known = self._homes[folder] = outer or (folder if folder in self._folders else REST)
        return known

    def take(self, document: Document) -> None:
        """Join what a document leads to."""
        here = self.home(document.path)
        if document.kind in SHARED:
            self._join(here, REST)
        elif document.kind == "UseCase":
            for path in _named_files(document):
                self._lead(here, beside(document, path))
        elif document.kind == "Instance":
            self._settle(document, here)

    def _lead(self, here: str, target: str) -> None:
        if target and target != here and not target.startswith(f"{here}/"):
            self._join(here, self.home(target))
            self._join(here, REST)

    def _settle(self, instance: Document, here: str) -> None:
        """An instance belongs to its use case; one without, or in a file with others, to the rest too."""
        home = self._named.get(text(mapping(instance.value, "spec"), "useCase"), REST)
        if here == REST and instance.index == 0 and home != REST:
            self._files[instance.path] = home
        else:
            self._join(here, home)
            if instance.index > 0:
                self._join(here, REST)

    def unit(self, home: str) -> str:
        """The unit that a folder has become part of."""
        while home in self._joined:
            home = self._joined[home]
        return home

    def _join(self, one: str, other: str) -> None:
        one, other = sorted((self.unit(one), self.unit(other)))
        if one != other:
            self._joined[other] = one  # the rest sorts first, so that it stays itself


def _named_files(use_case: Document) -> Iterator[str]:
    spec: Mapping[str, Any] = mapping(use_case.value, "spec")
    for entry in items(spec, "workflows"):
        yield text(entry, "file")
    yield text(spec, "docs")
    yield from texts(spec, "skills")
