"""The project as rules ask for it: documents by kind and name, workflows joined with their files.

The one rule: built once per run, from what was loaded; it answers questions and judges nothing.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from caseway.model.diagnostic import Diagnostic
from caseway.repo.rules.marks import Marks, read_marks
from caseway.repo.rules.shape import items, mapping, text
from caseway.repo.rules.text_pass import Texts, read_texts

if TYPE_CHECKING:
    from caseway.repo.load import Document, LoadedProject

T = TypeVar("T")

DEFAULT_STAGES = ("dev", "prod")
DEFAULT_RUNTIME = "default"


@dataclass(frozen=True)
class WorkflowEntry:
    """One entry of a use case's `workflows`, and the document its file holds (None when there is none)."""

    use_case: Document
    index: int
    entry: Mapping[str, Any]
    path: str
    document: Document | None

    @cached_property
    def id(self) -> str:
        return text(self.entry, "id")

    @property
    def pointer(self) -> str:
        return f"/spec/workflows/{self.index}"

    @cached_property
    def triggers(self) -> list[tuple[str, Mapping[str, Any]]]:
        """`(pointer, trigger)` of each trigger that is written; the default manual one is not."""
        found = enumerate(items(self.entry, "triggers"))
        return [(f"{self.pointer}/triggers/{index}", mapping(trigger)) for index, trigger in found]


class View:
    """Questions about one loaded project, each answered once."""

    def __init__(
        self,
        project: LoadedProject,
        findings: Sequence[Diagnostic] = (),
        looked_at: Collection[str] | None = None,
        *,
        before: View | None = None,
    ) -> None:
        """`looked_at` are the paths of the files whose documents and texts are looked at, by default all.
        `before` has looked at some of the same documents: what it found in them alone is taken over."""
        self.project = project
        self._looked_at = project.paths if looked_at is None else looked_at
        self.findings = (*project.diagnostics, *findings)  # of the loader and the schemas
        self.documents: tuple[Document, ...] = (
            project.documents
            if looked_at is None
            else tuple(document for document in project.documents if document.path in looked_at)
        )
        self._once: dict[object, Any] = {} if before is None else before._of_documents(self.documents)

    def once(self, key: object, answer: Callable[[], T]) -> T:
        """What `answer` gives, asked once per `key`: for what several rules need and is dear to find."""
        if key not in self._once:
            self._once[key] = answer()
        found: T = self._once[key]
        return found

    def _of_documents(self, documents: Collection[Document]) -> dict[object, Any]:
        """What is known of those documents, and follows from each alone. This view keeps its own alive, so an
        id stands for the same document in both."""
        kinds = ("marks", "found")
        keys = ((kind, id(document)) for document in documents for kind in kinds)
        return {key: self._once[key] for key in keys if key in self._once}

    def marks(self, document: Document) -> Marks:
        """What one walk through a document has found."""
        return self.once(("marks", id(document)), lambda: read_marks(document.value))

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """The path of every file of the project, documents and others."""
        return tuple(self.project.paths)

    @cached_property
    def texts(self) -> Texts:
        """What one pass over all files as text has found."""
        return read_texts(self.project.read_all(self._looked_at))

    def of_kind(self, kind: str) -> tuple[Document, ...]:
        """The documents of a kind, in the order of their files."""
        return self._by_kind.get(kind, ())

    def names(self, kind: str) -> frozenset[str]:
        """The names of the documents of a kind."""
        return frozenset(self.named(kind))

    def named(self, kind: str) -> Mapping[str, Document]:
        """The documents of a kind by name; of several with one name the first."""
        return self._by_name.get(kind, {})

    @cached_property
    def files(self) -> frozenset[str]:
        """The path of every file of the project."""
        return frozenset(self.paths)

    @cached_property
    def _by_kind(self) -> Mapping[str, tuple[Document, ...]]:
        found: dict[str, list[Document]] = {}
        for document in self.documents:
            found.setdefault(document.kind, []).append(document)
        return {kind: tuple(documents) for kind, documents in found.items()}

    @cached_property
    def _by_name(self) -> Mapping[str, Mapping[str, Document]]:
        found: dict[str, dict[str, Document]] = {}
        for document in self.documents:
            if document.name:
                found.setdefault(document.kind, {}).setdefault(document.name, document)
        return found

    @cached_property
    def settings(self) -> Mapping[str, Any]:
        """The `spec` of the Project document."""
        projects = self.of_kind("Project")
        return spec(projects[0]) if projects else {}

    @cached_property
    def stages(self) -> tuple[str, ...]:
        """The names of the stages, in promotion order."""
        if "stages" not in self.settings:
            return DEFAULT_STAGES
        return tuple(text(stage, "name") for stage in items(self.settings, "stages"))

    @cached_property
    def workflow_documents(self) -> Mapping[str, Document]:
        """Workflow documents (native and n8n) by the path of their file."""
        documents = (*self.of_kind("Workflow"), *self.of_kind("N8nWorkflow"))
        return {document.path: document for document in reversed(documents)}

    @cached_property
    def workflows(self) -> tuple[WorkflowEntry, ...]:
        """The workflow entries of all use cases."""
        return tuple(entry for use_case in self.of_kind("UseCase") for entry in self._entries(use_case))

    @cached_property
    def workflows_of(self) -> Mapping[str, tuple[WorkflowEntry, ...]]:
        """Workflow entries by the path of their `usecase.yaml`."""
        found: dict[str, list[WorkflowEntry]] = {}
        for entry in self.workflows:
            found.setdefault(entry.use_case.path, []).append(entry)
        return {path: tuple(entries) for path, entries in found.items()}

    def _entries(self, use_case: Document) -> Iterator[WorkflowEntry]:
        for index, entry in enumerate(items(spec(use_case), "workflows")):
            path = beside(use_case, text(entry, "file"))
            yield WorkflowEntry(use_case, index, mapping(entry), path, self.workflow_documents.get(path))

    @cached_property
    def instances_of(self) -> Mapping[str, tuple[Document, ...]]:
        """Instance documents by the name of their use case."""
        found: dict[str, list[Document]] = {}
        for instance in self.of_kind("Instance"):
            found.setdefault(text(spec(instance), "useCase"), []).append(instance)
        return {name: tuple(documents) for name, documents in found.items()}

    def use_case_of(self, document: Document) -> Document | None:
        """The use case in whose folder a document lies."""
        folder = posixpath.dirname(document.path)
        while True:
            found = self._use_cases_by_folder.get(folder)
            if found or not folder:
                return found
            folder = posixpath.dirname(folder)

    @cached_property
    def _use_cases_by_folder(self) -> Mapping[str, Document]:
        return {posixpath.dirname(document.path): document for document in self.of_kind("UseCase")}


def spec(document: Document) -> Mapping[str, Any]:
    """The `spec` of a document, empty when it has none."""
    return mapping(document.value, "spec")


def beside(document: Document, path: str) -> str:
    """The project path of a file named relative to a document; "" when there is none inside the project."""
    if not path:
        return ""
    joined = posixpath.normpath(posixpath.join(posixpath.dirname(document.path), path))
    return "" if joined.startswith(("../", "/")) or joined == ".." else joined
