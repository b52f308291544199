"""Runs a workflow file with no platform: the file, its neighbours and the parameters' defaults are enough.

Rule: the document that runs here is validated and rendered exactly as a deployment would."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import caseway_runner as runner
from caseway.model.diagnostic import Severity
from caseway.model.errors import CasewayError
from caseway.repo import placeholders
from caseway.repo.forms import parameters_schema
from caseway.repo.parse import Parsed, ParsedDocument, parse

PROJECT_FILES = ("caseway.yaml", "caseway.yml", "caseway.json")
USE_CASE_FILES = ("usecase.yaml", "usecase.yml", "usecase.json")
MAX_FILE = 10_000_000


@dataclass(frozen=True, slots=True)
class LocalWorkflow:
    """A workflow document with what stands around it: its use case (empty when there is none), the other
    workflow documents of the folder, by namespace, name and version, and the project's connections (the
    `spec` of each, by name)."""

    path: Path
    document: Mapping[str, Any]
    use_case: Mapping[str, Any] = field(default_factory=dict)
    neighbours: Mapping[tuple[str, str, str], Mapping[str, Any]] = field(default_factory=dict)
    connections: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def rendered(self, parameters: Mapping[str, Any]) -> LocalWorkflow:
        """The same with every placeholder resolved from `parameters` over the use case's defaults."""
        context = local_context(self.use_case, parameters, self.connections)
        return LocalWorkflow(
            self.path,
            _render(self.document, context, self.path),
            self.use_case,
            {key: _render(item, context, self.path) for key, item in self.neighbours.items()},
            self.connections,
        )

    def source(self, namespace: str, name: str, version: str) -> Mapping[str, Any]:
        """The sub-workflow of that identity; KeyError when there is none. `latest` is the highest version."""
        found = find_workflow(self.neighbours, namespace, name, version)
        if found is None:
            raise KeyError(f"{namespace}/{name}:{version}")
        return found


def find_workflow(
    known: Mapping[tuple[str, str, str], Mapping[str, Any]], namespace: str, name: str, version: str
) -> Mapping[str, Any] | None:
    """The document called so; `latest` or "" takes the highest version."""
    if version not in {"", "latest"}:
        return known.get((namespace, name, version))
    import semver

    versions = [key[2] for key in known if key[:2] == (namespace, name) and semver.Version.is_valid(key[2])]
    return known[namespace, name, max(versions, key=semver.Version.parse)] if versions else None


def open_workflow(path: Path) -> LocalWorkflow:
    """The workflow in `path` with its surroundings. Raises `CasewayError` with file:line:col when it is no
    workflow that could run."""
    parsed = _workflow_of(path)
    use_case, folder = _use_case_around(path)
    neighbours = dict(_neighbours(folder or path.parent))
    return LocalWorkflow(path, parsed.value, use_case, neighbours, dict(_connections_around(path)))


def check_workflow(local: LocalWorkflow) -> None:
    """Raise `CasewayError` `invalid-workflow` naming every problem of the document."""
    found = runner.problems(local.document)
    if not found:
        return
    positions = _workflow_of(local.path).positions
    lines = []
    for problem in found:
        line, column = positions.at(problem.pointer) or (0, 0)
        hint = f" ({problem.hint})" if problem.hint else ""
        lines.append(f"{local.path}:{line}:{column}: {problem.message}{hint}")
    raise CasewayError(
        "\n".join(lines), code="invalid-workflow", hint="'caseway validate' checks the whole project"
    )


async def run_here(
    local: LocalWorkflow, given: Any, execution: runner.Execution, ports: runner.Ports
) -> runner.Outcome:
    """Run the rendered workflow in this process."""
    return await runner.execute(runner.compile_workflow(local.document), given, execution, ports)


def local_context(
    use_case: Mapping[str, Any],
    parameters: Mapping[str, Any],
    connections: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
) -> dict[str, Any]:
    """What placeholders may name with no platform: real parameters and connections, else local names.
    A connection that no document describes has an address that leads nowhere and says whose it is."""
    spec = use_case.get("spec", {})
    name = use_case.get("metadata", {}).get("name", "local")
    workflows = [item.get("id", "") for item in spec.get("workflows", ())]
    return {
        "params": {**default_parameters(spec.get("parameters", {})), **parameters},
        "credentials": {
            slot: {"id": slot, "name": slot, "type": item.get("type", ""), "scope": item.get("scope", "")}
            for slot, item in spec.get("credentials", {}).items()
        },
        "connections": {
            item: {
                "id": item,
                "name": item,
                "type": "",
                "url": f"http://{item}.invalid",
                **connections.get(item, {}),
            }
            for item in spec.get("connections", ())
        },
        "workflows": {item: {"id": f"local-{item}", "name": item} for item in workflows},
        "webhooks": {item: {"url": f"http://localhost/{item}", "path": f"/{item}"} for item in workflows},
        "instance": {"id": "local", "name": name},
        "organization": {"id": "local", "name": "local"},
        "owner": {"id": "local", "name": "local"},
        "stage": "local",
        "runtime": {"image": "", "name": "default"},
    }


def default_parameters(declared: Mapping[str, Any]) -> dict[str, Any]:
    """The defaults of a use case's parameters, declared as JSON Schema or as form fields."""
    schema = parameters_schema(declared) if declared else {}
    properties: Mapping[str, Any] = schema.get("properties", {})  # type: ignore[assignment]
    return {
        name: item["default"]
        for name, item in properties.items()
        if isinstance(item, Mapping) and "default" in item
    }


def _render(document: Mapping[str, Any], context: Mapping[str, Any], path: Path) -> Mapping[str, Any]:
    try:
        rendered = placeholders.render(document, context)
    except CasewayError as error:
        raise CasewayError(
            error.message,
            code="placeholder",
            place=f"{path}{error.place and '#' + error.place}",
            hint=error.hint or "give the parameter with --param NAME=VALUE",
        ) from error
    assert isinstance(rendered, Mapping)
    return rendered


def _workflow_of(path: Path) -> ParsedDocument:
    if not path.is_file():
        raise CasewayError("no such file", code="no-such-path", place=str(path))
    if path.stat().st_size > MAX_FILE:
        raise CasewayError("the file is larger than 10 MB", code="too-large", place=str(path))
    for document in _sound(path.read_bytes(), str(path)):
        if is_workflow(document.value):
            return document
    raise CasewayError(
        "no workflow in this file",
        code="no-workflow",
        place=str(path),
        hint="a workflow has 'document' and 'do'",
    )


def parsed_values(data: bytes, name: str) -> list[Any]:
    """The values in a YAML or JSON text; raises `CasewayError` with the place of what is wrong with it."""
    return [document.value for document in _sound(data, name)]


def _sound(data: bytes, name: str) -> Parsed:
    parsed = parse(data, name)
    if not parsed.is_sound:
        first = next(item for item in parsed.diagnostics if item.severity is Severity.ERROR)
        place = f"{name}:{first.line}:{first.column}"
        raise CasewayError(first.message, code=first.code, place=place, hint=first.hint)
    return parsed


def is_workflow(value: object) -> bool:
    """Whether `value` looks like a document of the workflow language."""
    return isinstance(value, Mapping) and isinstance(value.get("document"), Mapping) and "do" in value


def _use_case_around(path: Path) -> tuple[Mapping[str, Any], Path | None]:
    for folder in list(path.resolve().parents)[:4]:
        for name in USE_CASE_FILES:
            if (folder / name).is_file():
                for document in parse((folder / name).read_bytes(), name):
                    if isinstance(document.value, Mapping) and document.value.get("kind") == "UseCase":
                        return document.value, folder
    return {}, None


def _connections_around(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    root = next(
        (up for up in path.resolve().parents if any((up / name).is_file() for name in PROJECT_FILES)), None
    )
    for file in sorted((root / "connections").glob("*")) if root else ():
        if (
            file.suffix not in {".yaml", ".yml", ".json"}
            or file.is_symlink()
            or file.stat().st_size > MAX_FILE
        ):
            continue
        for document in parse(file.read_bytes(), file.name):
            if isinstance(document.value, Mapping) and document.value.get("kind") == "Connection":
                yield str(document.value.get("metadata", {}).get("name", "")), document.value.get("spec", {})


def _neighbours(folder: Path) -> list[tuple[tuple[str, str, str], Mapping[str, Any]]]:
    found = []
    files = (file for file in sorted(folder.rglob("*")) if file.suffix in {".yaml", ".yml", ".json"})
    for file in files:
        if file.is_symlink() or not file.is_file() or file.stat().st_size > MAX_FILE:
            continue
        for document in parse(file.read_bytes(), file.name):
            if is_workflow(document.value):
                head = document.value["document"]
                identity = tuple(str(head.get(key, "")) for key in ("namespace", "name", "version"))
                found.append((identity, document.value))
    return found  # type: ignore[return-value]
