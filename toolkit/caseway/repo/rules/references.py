"""CW3xx: what a document names exists, and what it defines is defined once."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from caseway.repo.discover import USE_CASE_FILES
from caseway.repo.rules.rule import Finding, at
from caseway.repo.rules.shape import items, mapping, suggestion, text, texts
from caseway.repo.rules.view import DEFAULT_RUNTIME, View, beside, spec

if TYPE_CHECKING:
    from caseway.repo.load import Document


def unknown_use_case(view: View) -> Iterator[Finding]:
    known = view.names("UseCase")
    for instance in view.of_kind("Instance"):
        name = text(spec(instance), "useCase")
        if name and name not in known:
            hint = suggestion(name, known, "add a folder use-cases/<name> with a usecase.yaml")
            yield at(instance, "/spec/useCase", f'there is no use case "{name}"', hint)


def unknown_stage(view: View) -> Iterator[Finding]:
    for instance in view.of_kind("Instance"):
        name = text(spec(instance), "stage")
        if name and name not in view.stages:
            hint = suggestion(name, view.stages)
            yield at(instance, "/spec/stage", f'the project has no stage "{name}"', hint)


def unknown_runtime(view: View) -> Iterator[Finding]:
    known = view.names("Runtime") | {DEFAULT_RUNTIME}
    places = [
        (use_case, "/spec/runtime", text(spec(use_case), "runtime")) for use_case in view.of_kind("UseCase")
    ]
    places += [
        (project, "/spec/defaults/runtime", text(spec(project), "defaults", "runtime"))
        for project in view.of_kind("Project")
    ]
    for document, pointer, name in places:
        if name and name not in known:
            hint = suggestion(name, known)
            yield at(document, pointer, f'there is no runtime "{name}"', hint)


def unknown_connection(view: View) -> Iterator[Finding]:
    known = view.names("Connection")
    for use_case in view.of_kind("UseCase"):
        for index, name in enumerate(items(spec(use_case), "connections")):
            if isinstance(name, str) and name not in known:
                hint = suggestion(name, known, "add it to connections/ as a document of kind Connection")
                yield at(use_case, f"/spec/connections/{index}", f'there is no connection "{name}"', hint)


def missing_workflow_file(view: View) -> Iterator[Finding]:
    for entry in view.workflows:
        file = text(entry.entry, "file")
        if not file or entry.document is not None:
            continue
        pointer = f"{entry.pointer}/file"
        if entry.path and entry.path in view.files:
            if not _is_broken(view, entry.path):
                yield at(
                    entry.use_case,
                    pointer,
                    f'"{file}" is not a workflow document',
                    "it needs `document` and `do`",
                )
        elif entry.path:
            near = suggestion(entry.path, _beside(view, entry.use_case), "paths are relative to usecase.yaml")
            yield at(entry.use_case, pointer, f'there is no file "{file}"', near)
        else:
            yield at(
                entry.use_case,
                pointer,
                f'"{file}" leaves the project',
                "use a path inside the use case's folder",
            )


def _is_broken(view: View, path: str) -> bool:
    return any(found.file == path and found.code.startswith("CW1") for found in view.findings)


def _beside(view: View, use_case: Document) -> list[str]:
    folder = posixpath.dirname(use_case.path) + "/"
    return [path for path in view.workflow_documents if path.startswith(folder)]


def missing_companion(view: View) -> Iterator[Finding]:
    for document, pointer, path, target, where in _companions(view):
        if (
            path
            and target not in view.files
            and not any(name.startswith(f"{target}/") for name in view.paths)
        ):
            yield at(document, pointer, f'there is no file "{path}"', f"it is looked for {where}")


def _companions(view: View) -> Iterator[tuple[Document, str, str, str, str]]:
    """Document, pointer, the path as written, the path in the project, and what it is relative to."""
    for use_case in view.of_kind("UseCase"):
        named = [("/spec/docs", text(spec(use_case), "docs"))]
        named += [
            (f"/spec/skills/{index}", path) for index, path in enumerate(texts(spec(use_case), "skills"))
        ]
        for pointer, path in named:
            yield use_case, pointer, path, beside(use_case, path), f"beside {use_case.path}"
    for runtime in view.of_kind("Runtime"):
        for key in ("dockerfile", "context"):
            path = text(spec(runtime), key)
            yield runtime, f"/spec/{key}", path, posixpath.normpath(path), "from the project's folder"


def duplicate_name(view: View) -> Iterator[Finding]:
    for kind in ("UseCase", "Instance", "Runtime", "Connection"):
        for document in view.of_kind(kind):
            first = view.named(kind).get(document.name)
            if first is not None and first is not document:
                message = f'the {kind} "{document.name}" is already defined in {first.path}'
                yield at(document, "/metadata/name", message, "give one of them another name")


def duplicate_workflow_id(view: View) -> Iterator[Finding]:
    for entries in view.workflows_of.values():
        places = [(entry.id, f"{entry.pointer}/id") for entry in entries]
        yield from _duplicates(entries[0].use_case, places, "workflow id")


def duplicate_trigger_id(view: View) -> Iterator[Finding]:
    for entry in view.workflows:
        places = [(text(trigger, "id"), f"{pointer}/id") for pointer, trigger in entry.triggers]
        yield from _duplicates(entry.use_case, places, "trigger id")


def duplicate_stage(view: View) -> Iterator[Finding]:
    for project in view.of_kind("Project"):
        stages = enumerate(items(spec(project), "stages"))
        places = [(text(stage, "name"), f"/spec/stages/{index}/name") for index, stage in stages]
        yield from _duplicates(project, places, "stage")


def _duplicates(document: Document, places: Iterable[tuple[str, str]], what: str) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for name, pointer in places:
        if name and name in seen:
            line, _ = document.positions.at(seen[name])
            yield at(document, pointer, f'the {what} "{name}" is already used in line {line}')
        seen.setdefault(name, pointer)


def name_is_not_the_folder(view: View) -> Iterator[Finding]:
    for use_case in view.of_kind("UseCase"):
        folder = posixpath.basename(posixpath.dirname(use_case.path))
        if folder and use_case.name and use_case.name != folder:
            message = f'the use case is named "{use_case.name}" but its folder "{folder}"'
            yield at(use_case, "/metadata/name", message, f"write name: {folder}, or rename the folder")


def unused_workflow_file(view: View) -> Iterator[Finding]:
    used = {entry.path for entry in view.workflows}
    for path, document in view.workflow_documents.items():
        if path not in used and not _may_be_meant(view, document):
            yield at(
                document, "", "no use case names this workflow", "add it to a usecase.yaml, or delete it"
            )


def _may_be_meant(view: View, document: Document) -> bool:
    """Whether its use case names a file that is not there, or cannot be read: then one of these is meant."""
    use_case = view.use_case_of(document)
    if use_case is None:
        return _has_broken_use_case(view, document)
    entries = view.workflows_of.get(use_case.path, ())
    return "workflows" not in spec(use_case) or any(entry.document is None for entry in entries)


def wrong_target(view: View) -> Iterator[Finding]:
    for entry in view.workflows:
        if entry.document is None:
            continue
        target = (
            text(spec(entry.use_case), "target") or text(view.settings, "defaults", "target") or "builtin"
        )
        is_n8n = entry.document.kind == "N8nWorkflow"
        if is_n8n != (target == "n8n"):
            kind = "an n8n workflow" if is_n8n else "a native workflow"
            message = f'{entry.path} is {kind}, which the target "{target}" cannot run'
            yield at(
                entry.use_case, f"{entry.pointer}/file", message, "one use case has workflows of one target"
            )


def unknown_test_workflow(view: View) -> Iterator[Finding]:
    for test in view.of_kind("WorkflowTest"):
        use_case = view.use_case_of(test)
        name = text(spec(test), "workflow")
        if use_case is None:
            if not _has_broken_use_case(view, test):
                yield _homeless(test)
        elif (
            "workflows" in spec(use_case)
            and name
            and name not in (known := [entry.id for entry in view.workflows_of.get(use_case.path, ())])
        ):
            message = f'the use case has no workflow "{name}"'
            yield at(test, "/spec/workflow", message, suggestion(name, known))


def _homeless(test: Document) -> Finding:
    return at(test, "", "the test lies in no use case's folder", "move it to use-cases/<name>/tests/")


def _has_broken_use_case(view: View, document: Document) -> bool:
    """Whether a document lies in the folder of a use case that cannot be read, which is told there."""
    folders = PurePosixPath(document.path).parents
    return any(str(folder / name) in view.files for folder in folders for name in USE_CASE_FILES)


def unknown_test_task(view: View) -> Iterator[Finding]:
    for test in view.of_kind("WorkflowTest"):
        use_case = view.use_case_of(test)
        entries = view.workflows_of.get(use_case.path, ()) if use_case else ()
        named = list(_named_tasks(spec(test)))
        if not named:
            continue
        wanted = text(spec(test), "workflow")
        tasks = {name for entry in entries if entry.document for name in _tasks(view, entry.document)}
        if not tasks or all(entry.id != wanted for entry in entries):
            continue
        for pointer, name in named:
            if not name.startswith("/") and name not in tasks:
                message = f'no workflow of the use case has a task "{name}"'
                yield at(test, pointer, message, suggestion(name, tasks))


def _tasks(view: View, document: Document) -> tuple[str, ...]:
    return view.once(("tasks", id(document)), lambda: tuple(task_names(document.value)))


def _named_tasks(test: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for index, stub in enumerate(items(test, "stubs")):
        if text(stub, "task"):
            yield f"/spec/stubs/{index}/task", text(stub, "task")
    for index, name in enumerate(items(test, "expect", "tasks")):
        if isinstance(name, str):
            yield f"/spec/expect/tasks/{index}", name


def task_names(value: Any) -> Iterator[str]:
    """The name of every task of a workflow, wherever a task list may stand."""
    if not isinstance(value, dict):
        return
    for key, inner in value.items():
        if isinstance(inner, list) and key in ("do", "try", "branches"):
            for item in inner:
                for name, task in mapping(item).items():
                    yield str(name)
                    yield from task_names(task)
        elif isinstance(inner, dict):
            yield from task_names(inner)


def idle_drift_ignore(view: View) -> Iterator[Finding]:
    known = view.names("Instance") | view.names("UseCase")
    for project in view.of_kind("Project"):
        for index, entry in enumerate(items(spec(project), "drift", "ignore")):
            pattern = str(entry).partition(":")[0]
            if not any(fnmatchcase(name, pattern) for name in known):
                pointer = f"/spec/drift/ignore/{index}"
                yield at(
                    project,
                    pointer,
                    f'no instance is named like "{pattern}"',
                    suggestion(pattern, known),
                )
