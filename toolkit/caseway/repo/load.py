"""A tree's projects with all their documents.

Rule: nothing of the repo is run, and whatever is wrong in it becomes a diagnostic.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from caseway.model.diagnostic import Diagnostic, Severity
from caseway.repo import discover
from caseway.repo.cache import Cache
from caseway.repo.discover import ProjectFiles, Role
from caseway.repo.examine import Examined
from caseway.repo.findings import finding
from caseway.repo.globs import matches_any
from caseway.repo.limits import FILES
from caseway.repo.positions import Positions
from caseway.repo.quote import is_printable, printable, quoted
from caseway.repo.reader import Reader
from caseway.repo.tree import Tree, UnreadableError


@dataclass(frozen=True, slots=True)
class Document:
    """One document. `path` is relative to the project, `index` its number in the file; `is_valid` when its
    schema holds and its file is sound. `value` is shared: do not change it."""

    kind: str
    name: str
    path: str
    index: int
    value: Any
    positions: Positions
    is_valid: bool = True


@dataclass(frozen=True, slots=True)
class LoadedProject:
    """One project. `root` leads to it from the tree ("" or ending with a slash); `paths` are all its files
    that are not excluded, documents or not; `blobs` names the content of those that were read. `overlaid` are
    the Instance documents of its overlays, by the path of their file: they are not among `documents`."""

    root: str
    name: str
    documents: tuple[Document, ...]
    diagnostics: tuple[Diagnostic, ...]
    tree: Tree
    file: str = "caseway.yaml"
    paths: tuple[str, ...] = ()
    blobs: Mapping[str, str] = field(default_factory=dict)
    overlaid: Mapping[str, tuple[Document, ...]] = field(default_factory=dict)
    kept: Mapping[str, bytes] = field(default_factory=dict)  # by path in the tree
    roles: Mapping[str, Role] = field(default_factory=dict)  # of the files that were examined
    known: frozenset[str] = field(init=False, repr=False, compare=False)  # `paths`, to ask for one of them
    folders: frozenset[str] = field(init=False, repr=False, compare=False)  # the outermost ones

    def __post_init__(self) -> None:
        object.__setattr__(self, "known", frozenset(self.paths))
        object.__setattr__(
            self, "folders", frozenset(path.partition("/")[0] for path in self.paths if "/" in path)
        )

    def read_all(self, paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """The content of each of `paths`, without those that cannot be read. What loading has read is not
        read again."""
        missing: list[str] = []
        for path in paths:
            full = self.root + path
            if full in self.kept:
                yield path, self.kept[full]
            else:
                missing.append(full)
        for full, content in self.tree.read_all(missing):
            if isinstance(content, bytes):
                yield full[len(self.root) :], content

    def read(self, path: str) -> bytes:
        """The content of one of `paths`. Raises UnreadableError."""
        if self.root + path not in self.tree.files():
            raise UnreadableError("CW100", f"there is no file {quoted(path)}")
        return self.tree.read(self.root + path)

    def text(self, path: str) -> str:
        """The text of one of `paths`, "" when it is none or cannot be read."""
        try:
            return self.read(path).decode("utf-8")
        except (UnreadableError, UnicodeDecodeError):
            return ""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a tree holds."""

    projects: tuple[LoadedProject, ...]
    diagnostics: tuple[Diagnostic, ...]


def load(tree: Tree, *, cache: Cache | None = None) -> Loaded:
    """Every project of `tree`, whatever state it is in. A Cache makes a second time cheap."""
    reader = Reader(tree, cache)
    shares = discover.projects(tree.files())
    projects = tuple(_project(reader, share) for share in shares)
    names: dict[str, str] = {}
    rivals: list[Diagnostic] = []
    for project in projects:
        other = names.setdefault(project.name, project.root or ".")
        if project.name and other != (project.root or "."):
            message = f"the project {quoted(project.name)} is already defined in {quoted(other)}"
            path = printable(project.root + project.file)
            rivals.append(
                finding("CW121", path, message, at=(1, 1), pointer="/metadata/name", hint="rename one")
            )
    return Loaded(projects, tuple(rivals))


def _project(reader: Reader, share: ProjectFiles) -> LoadedProject:
    head = reader.examine(share.root, {share.file: Role.PROJECT})
    settings = _settings(head.get(share.file))
    include, exclude = _texts(settings, "include"), _texts(settings, "exclude")
    paths = tuple(_kept(share, exclude))
    roles = discover.candidates(paths, share.file, include, exclude)
    diagnostics = [*_about_share(reader, share), *_about_roles(roles, share.file)]
    examined = head | reader.examine(share.root, _readable(roles))
    named = _named_workflows(examined, set(paths)) - {each for each in roles if roles[each] is Role.WORKFLOW}
    examined |= reader.examine(share.root, _readable(dict.fromkeys(sorted(named), Role.WORKFLOW)))
    documents = tuple(_documents(reader, share.root, examined))
    diagnostics += _about_projects(documents, share.file, examined.get(share.file))
    overlays = {each.path for each in documents if each.kind == "Overlay"}
    for path, found in examined.items():
        diagnostics += [replace(item, file=path) for item in found.diagnostics]
    return LoadedProject(
        root=share.root,
        name=next((each.name for each in documents if each.kind == "Project"), ""),
        documents=tuple(each for each in documents if not _is_overlaid(each, overlays)),
        diagnostics=tuple(sorted(diagnostics)),
        tree=reader.tree,
        file=share.file,
        paths=paths,
        overlaid={
            path: tuple(each for each in documents if each.path == path and _is_overlaid(each, overlays))
            for path in sorted(overlays)
        },
        blobs={
            path: reader.blobs[share.root + path] for path in examined if share.root + path in reader.blobs
        },
        kept=reader.kept,
        roles={**roles, **dict.fromkeys(named, Role.WORKFLOW)},
    )


def _is_overlaid(document: Document, overlays: Set[str]) -> bool:
    return document.kind == "Instance" and document.path in overlays


def _documents(reader: Reader, root: str, examined: Mapping[str, Examined]) -> Iterator[Document]:
    for path in sorted(examined):
        for each in examined[path].documents:
            places = reader.positions(root + path, each.number)
            yield Document(each.kind, each.name, path, each.number, each.value, places, each.is_valid)


def _kept(share: ProjectFiles, exclude: Sequence[str]) -> Iterator[str]:
    """The project's files, without its state and without what it excludes."""
    for path in share.paths:
        is_state = path.startswith(discover.STATE_FOLDER + "/")
        if not is_state and (path == share.file or not exclude or not matches_any(path, exclude)):
            yield path


def _readable(roles: Mapping[str, Role]) -> dict[str, Role]:
    return {path: role for path, role in islice(roles.items(), FILES) if is_printable(path)}


def _settings(examined: Examined | None) -> Mapping[str, Any]:
    for document in examined.documents if examined else ():
        spec = document.value.get("spec") if document.kind == "Project" else None
        if isinstance(spec, dict):
            return spec
    return {}


def _texts(settings: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = settings.get(key)
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()


def _about_roles(roles: Mapping[str, Role], project_file: str) -> Iterator[Diagnostic]:
    """Files that are not read: too many of them, or names that cannot be shown."""
    if len(roles) > FILES:
        message = f"the project has {len(roles):,} files that may hold documents; {FILES:,} are read"
        yield finding("CW117", project_file, message, hint="narrow spec.include in caseway.yaml")
    for path in roles:
        if not is_printable(path):
            message = f"the file name {quoted(path)} holds characters that do not print"
            yield finding("CW115", printable(path), message, hint="rename the file")


def _about_share(reader: Reader, share: ProjectFiles) -> Iterator[Diagnostic]:
    """Files that must not be where they are."""
    for rival in share.rivals:
        yield finding("CW121", rival, f"{share.file} stands beside it already", hint="keep one of the two")
    for path in share.paths:
        if path.startswith(discover.STATE_FOLDER + "/") and reader.files[share.root + path].is_tracked:
            hint = "git rm -r --cached .caseway, and add .caseway/ to .gitignore"
            yield finding("CW116", printable(path), ".caseway/ is tracked in git", hint=hint)
            return


def _about_projects(
    documents: Sequence[Document], file: str, examined: Examined | None
) -> Iterator[Diagnostic]:
    """The project file holds the one Project document there is."""
    found = [each for each in documents if each.kind == "Project"]
    troubles = examined.diagnostics if examined is not None else ()
    if not found and not any(each.severity is Severity.ERROR for each in troubles):
        hint = "begin it with apiVersion: caseway/v1, kind: Project and metadata: {name: …}"
        yield finding("CW118", file, "the project file holds no Project document", at=(1, 1), hint=hint)
    for other in found[1:]:
        message = f"a project has one Project document; this is another beside {found[0].path}"
        hint = "keep one of them; a second project has a folder and a caseway.yaml of its own"
        yield finding("CW121", other.path, message, at=other.positions.at(""), hint=hint)


def _named_workflows(examined: Mapping[str, Examined], paths: set[str]) -> set[str]:
    """The files that use cases name as their workflows, wherever in their folders they lie."""
    named: set[str] = set()
    for path, found in examined.items():
        for document in found.documents:
            if document.kind == "UseCase":
                folder = path.rpartition("/")[0]
                named.update(f"{folder}/{file}".lstrip("/") for file in _files_of(document.value))
    return named & paths


def _files_of(value: Any) -> Iterator[str]:
    spec = value.get("spec")
    workflows = spec.get("workflows") if isinstance(spec, dict) else None
    for entry in workflows if isinstance(workflows, list) else ():
        file = entry.get("file") if isinstance(entry, dict) else None
        if isinstance(file, str) and file.endswith(discover.SUFFIXES):
            yield file.removeprefix("./")
