"""CW5xx, between workflows: sub-workflow calls resolve, end, and are known to the side that is called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from caseway.repo.rules.marks import read_calls
from caseway.repo.rules.rule import Finding, at
from caseway.repo.rules.shape import items, mapping, suggestion, text, walk
from caseway.repo.rules.view import View, WorkflowEntry, spec

if TYPE_CHECKING:
    from caseway.repo.load import Document

DEPTH = 32
_EFFECTS = ("call", "run")


@dataclass(frozen=True, slots=True)
class Call:
    """One `run: workflow` task: where it stands and what it names."""

    document: Document
    pointer: str
    namespace: str
    name: str
    version: str


def calls(view: View, document: Document) -> Iterator[Call]:
    """The sub-workflow calls of a workflow that name their target literally."""
    for pointer, value in view.once(("found", id(document)), lambda: read_calls(document.value)):
        call = Call(document, pointer, text(value, "namespace"), text(value, "name"), text(value, "version"))
        if call.name and not any("$" in part for part in (call.namespace, call.name, call.version)):
            yield call


def identity(document: Document) -> tuple[str, str, str]:
    """Namespace, name and version of a workflow document."""
    header = mapping(document.value, "document")
    return text(header, "namespace"), text(header, "name"), text(header, "version")


def _targets(view: View) -> Mapping[tuple[str, str], list[Document]]:
    found: dict[tuple[str, str], list[Document]] = {}
    for document in view.of_kind("Workflow"):
        namespace, name, _ = identity(document)
        found.setdefault((namespace, name), []).append(document)
    return found


def _resolve(targets: Mapping[tuple[str, str], list[Document]], call: Call) -> Document | None:
    documents = targets.get((call.namespace, call.name), [])
    fitting = [found for found in documents if call.version in ("", "latest", identity(found)[2])]
    return fitting[0] if fitting else None


def unknown_sub_workflow(view: View) -> Iterator[Finding]:
    targets = _targets(view)
    for document in view.of_kind("Workflow"):
        for call in calls(view, document):
            if _resolve(targets, call) is not None:
                continue
            wanted = f"{call.namespace}/{call.name}"
            versions = [identity(found)[2] for found in targets.get((call.namespace, call.name), [])]
            if versions:
                message = f"the project has no version {call.version} of the workflow {wanted}"
                yield at(document, call.pointer, message, f"there is: {', '.join(versions)}")
            else:
                hint = suggestion(wanted, ["/".join(key) for key in targets])
                yield at(document, call.pointer, f"the project has no workflow {wanted}", hint)


def same_identity(view: View) -> Iterator[Finding]:
    seen: dict[tuple[str, str, str], Document] = {}
    for document in view.of_kind("Workflow"):
        key = identity(document)
        if key[1] and key in seen:
            message = f"{seen[key].path} is also called {key[0]}/{key[1]} {key[2]}"
            yield at(document, "/document/name", message, "sub-workflow calls could mean either: rename one")
        seen.setdefault(key, document)


def _graph(view: View) -> Mapping[str, list[tuple[str, Call]]]:
    return view.once("calls", lambda: _read_graph(view))


def _read_graph(view: View) -> Mapping[str, list[tuple[str, Call]]]:
    targets = _targets(view)
    found: dict[str, list[tuple[str, Call]]] = {}
    for document in view.of_kind("Workflow"):
        edges = found.setdefault(document.path, [])
        for call in calls(view, document):
            target = _resolve(targets, call)
            if target is not None:
                edges.append((target.path, call))
    return found


def call_cycle(view: View) -> Iterator[Finding]:
    graph = _graph(view)
    for path, edges in graph.items():
        for target, call in edges:
            way = _way(graph, target, path)
            if way:
                circle = " → ".join([path, *way])
                yield at(
                    call.document,
                    call.pointer,
                    f"the workflow calls itself: {circle}"[:400],
                    "end the circle",
                )


def _way(graph: Mapping[str, list[tuple[str, Call]]], start: str, end: str) -> list[str]:
    """The shortest chain of calls from `start` to `end`, both included; empty when there is none."""
    ways: dict[str, list[str]] = {start: [start]}
    pending = [start]
    for path in pending:
        if path == end:
            return ways[path]
        for target, _ in graph.get(path, ()):
            if target not in ways:
                ways[target] = [*ways[path], target]
                pending.append(target)
    return []


def too_deep(view: View) -> Iterator[Finding]:
    graph = _graph(view)
    if not any(graph.values()):
        return
    depths = _depths(graph)
    limits = {
        entry.path: mapping(spec(entry.use_case), "limits").get("depth", DEPTH) for entry in view.workflows
    }
    called = {target for edges in graph.values() for target, _ in edges}
    for path in graph:
        limit = limits.get(path, DEPTH)
        if path not in called and isinstance(limit, int) and depths.get(path, 0) > limit:
            message = f"sub-workflows are nested {depths[path]} deep; the limit is {limit}"
            yield at(
                view.workflow_documents[path],
                "/do",
                message,
                "flatten the calls, or raise limits.depth",
                key=True,
            )


def _depths(graph: Mapping[str, list[tuple[str, Call]]]) -> Mapping[str, int]:
    """How deep each workflow's calls nest, leaves first; workflows on a circle are left out."""
    waiting = {path: {target for target, _ in edges} for path, edges in graph.items()}
    callers: dict[str, list[str]] = {}
    for path, targets in waiting.items():
        for target in targets:
            callers.setdefault(target, []).append(path)
    depths: dict[str, int] = {}
    ready = [path for path, targets in waiting.items() if not targets]
    for path in ready:
        depths[path] = max((depths[target] + 1 for target, _ in graph[path]), default=0)
        for caller in callers.get(path, ()):
            waiting[caller].discard(path)
            if not waiting[caller]:
                ready.append(caller)
    return depths


def unknown_caller(view: View) -> Iterator[Finding]:
    for entries in view.workflows_of.values():
        ids = [entry.id for entry in entries]
        for entry in entries:
            for index, name in enumerate(items(entry.entry, "calledBy")):
                if isinstance(name, str) and name not in ids:
                    pointer = f"{entry.pointer}/calledBy/{index}"
                    yield at(entry.use_case, pointer, f'there is no workflow "{name}"', suggestion(name, ids))


def inconsistent_caller(view: View) -> Iterator[Finding]:
    for entries in view.workflows_of.values():
        by_id = {entry.id: entry for entry in entries}
        for entry in entries:
            if entry.document is not None and entry.document.kind == "Workflow":
                yield from _caller_problems(entry, by_id, view)


def _caller_problems(
    entry: WorkflowEntry, by_id: Mapping[str, WorkflowEntry], view: View
) -> Iterator[Finding]:
    graph = _graph(view)
    named = [name for name in items(entry.entry, "calledBy") if isinstance(name, str)]
    for index, name in enumerate(named):
        if _is_read_whole(by_id.get(name), view) and not _calls(graph, by_id[name].path, entry.path):
            pointer = f"{entry.pointer}/calledBy/{index}"
            yield at(
                entry.use_case, pointer, f'the workflow "{name}" does not call "{entry.id}"', "remove it here"
            )
    if "calledBy" in entry.entry and all(name in by_id for name in named):  # a misspelt one may be the caller
        for caller_id, caller in by_id.items():
            if caller_id not in named and caller_id != entry.id and _calls(graph, caller.path, entry.path):
                message = f'the workflow "{caller_id}" calls "{entry.id}" but is not in its calledBy'
                yield at(entry.use_case, f"{entry.pointer}/calledBy", message, f"add {caller_id}")


def _is_read_whole(caller: WorkflowEntry | None, view: View) -> bool:
    """Whether it is known what a workflow calls: it is sound, and every call leads somewhere."""
    if caller is None or caller.document is None or not caller.document.is_valid:
        return False
    return len(_graph(view).get(caller.path, ())) == len(list(calls(view, caller.document)))


def _calls(graph: Mapping[str, list[tuple[str, Call]]], caller: str, target: str) -> bool:
    return any(path == target for path, _ in graph.get(caller, ()))


def unhandled_failure(view: View) -> Iterator[Finding]:
    for entry in view.workflows:
        if (
            entry.document is None
            or entry.document.kind != "Workflow"
            or spec(entry.use_case).get("retries") != 0
        ):
            continue
        value = entry.document.value
        effects = [pointer for pointer, key, _ in walk(value) if key in _EFFECTS and _is_task(pointer)]
        is_caught = any(key == "catch" for _, key, _ in walk(value))
        if effects and not is_caught:
            message = "nothing answers when this fails: the workflow has no catch and the use case no retries"
            yield at(entry.document, effects[0], message, "put it in a try, or raise retries", key=True)


def _is_task(pointer: str) -> bool:
    parts: list[Any] = pointer.split("/")
    return len(parts) >= 4 and parts[-3].isdigit()
