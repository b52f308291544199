"""A loaded project as the desired state: defaults filled, workflows inlined, everything digested.

Rule: two spellings of the same thing give the same digest. What cannot be read is left out and said so by
`Desired.complete`, so that nothing is pruned because a file was broken.

A template's body holds, besides the use case's own keys: `name`, `workflows[].definition` (the whole
document, placeholders in it), `docs` and `skills` as `{path, digest, text}`. Visibility, users, teams,
retention and the project's own types of credentials are in the listing; version, strategy and exclusive in
neither.
"""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from caseway.model.canonical import digest
from caseway.model.desired import (
    Desired,
    Follows,
    Instance,
    PreviewPolicy,
    PrunePolicy,
    Resource,
    Source,
    Stage,
    Strategy,
    UseCase,
)
from caseway.model.diagnostic import Severity
from caseway.repo.document_schedule import triggers_of
from caseway.repo.forms import parameters_schema
from caseway.repo.functions import inlined
from caseway.repo.load import Document, LoadedProject
from caseway.repo.schema import fill_defaults

RESOURCES = {"cpu": 0.5, "memory": "1GB", "disk": "5GB", "gpu": 0, "gpuType": "none"}
STAGES = ({"name": "dev", "follows": "latest"}, {"name": "prod", "follows": "published"})
MANUAL = {"id": "manual", "type": "manual"}
_LISTED = (
    "title",
    "subtitle",
    "description",
    "icon",
    "tags",
    "starter",
    "visibility",
    "users",
    "teams",
    "rollout",
)
_LISTED_ONLY = ("visibility", "users", "teams")
_BESIDE = ("version", "exclusive", "retention", "rollout")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_CONTEXT_FILES = 1000  # files of a build context that count for its digest


@dataclass(frozen=True, slots=True)
class _Workflows:
    """The workflow documents of a project by path."""

    by_path: Mapping[str, Document]
    project: LoadedProject

    @staticmethod
    def of(project: LoadedProject) -> _Workflows:
        found: dict[str, Document] = {}
        for document in project.documents:
            if document.kind in {"Workflow", "N8nWorkflow"}:
                found.setdefault(document.path, document)
        return _Workflows(found, project)

    def definition(self, folder: str, file: str) -> Any:
        """The document in `file`, which must lie inside `folder`; None when there is none that is sound."""
        document = self.by_path.get(inside(folder, file))
        if document is None or not document.is_valid:
            return None
        return inlined(self.project, document.value, folder)


@dataclass(slots=True)
class _Lost:
    """Whether something had to be left out."""

    names: list[str] = field(default_factory=list)


def desired(project: LoadedProject, source: Source) -> Desired:
    """Everything `project` asks for."""
    settings = _settings(project)
    stages = tuple(_stage(each) for each in settings.get("stages") or STAGES)
    owner = settings.get("owner", "local")
    lost = _Lost([item.file for item in project.diagnostics if item.severity is Severity.ERROR])
    use_cases = tuple(_use_cases(project, settings, lost))
    instances = tuple(_instances(project, owner, stages[0].name))
    prune: Mapping[str, Any] = settings.get("prune") or {}
    return Desired(
        project=project.name,
        organization=settings.get("organization") or project.name,
        owner=owner,
        source=source,
        stages=stages,
        use_cases=use_cases,
        instances=(*instances, *_installed_by_themselves(use_cases, project, owner, stages[0].name)),
        runtimes=tuple(_runtimes(project)),
        connections=tuple(_resource(each, _filled(each)) for each in _first(project, "Connection")),
        prune=PrunePolicy(prune.get("policy", "archive")),
        max_deletes=int(prune.get("maxDeletes", 3)),
        ignore=tuple((settings.get("drift") or {}).get("ignore", ())),
        complete=not lost.names,
        previews=_previews(settings.get("preview") or {}),
    )


def inside(folder: str, path: str) -> str:
    """The project path of `path` as seen from `folder`; "" when it leaves the folder."""
    joined = posixpath.normpath(posixpath.join(folder, path))
    if path.startswith("/") or joined in {".", ".."} or joined.startswith("../"):
        return ""
    return joined if not folder or joined.startswith(folder + "/") else ""


def _first(project: LoadedProject, kind: str) -> Iterator[Document]:
    """The sound documents of a kind; of several with one name the first."""
    seen: set[str] = set()
    for document in project.documents:
        if document.kind == kind and document.is_valid and document.name not in seen:
            seen.add(document.name)
            yield document


def _filled(document: Document) -> Mapping[str, Any]:
    spec: Mapping[str, Any] = fill_defaults(document.kind, document.value)["spec"]
    return spec


def _settings(project: LoadedProject) -> Mapping[str, Any]:
    found = next(_first(project, "Project"), None)
    return fill_defaults("Project", found.value).get("spec", {}) if found is not None else {}


def _stage(value: Mapping[str, Any]) -> Stage:
    return Stage(
        name=value["name"],
        follows=Follows(value.get("follows", "latest")),
        protected=value.get("protected", False),
        branches=tuple(value.get("branches", ())),
        tags=tuple(value.get("tags", ())),
    )


def _previews(value: Mapping[str, Any]) -> PreviewPolicy:
    return PreviewPolicy(
        enabled=value.get("enabled", True),
        seconds=seconds_of(value.get("ttl", "72h")),
        parameters=value.get("parameters") or {},
        credentials=tuple(value.get("credentials", ())),
    )


def seconds_of(duration: str) -> float:
    """The seconds in a duration such as `72h`."""
    number = duration.rstrip("mshd")
    return int(number) * _SECONDS[duration[len(number) :]]


def _use_cases(project: LoadedProject, settings: Mapping[str, Any], lost: _Lost) -> Iterator[UseCase]:
    defaults: Mapping[str, Any] = settings.get("defaults") or {}
    types: Mapping[str, Any] = settings.get("credentialTypes") or {}
    workflows = _Workflows.of(project)
    for document in _first(project, "UseCase"):
        spec = _filled_use_case(document, defaults)
        folder = posixpath.dirname(document.path)
        entries = list(_entries(document.value["spec"]["workflows"], spec, folder, workflows))
        if any(entry["definition"] is None for entry in entries):
            lost.names.append(document.path)
            continue
        body = {"name": document.name, **_body(spec), "workflows": entries}
        body |= _companions(project, folder, spec)
        yield UseCase(
            name=document.name,
            path=document.path,
            digest=digest(body),
            body=body,
            listing=_listing(spec, defaults) | _own_types(spec, types),
            version=spec["version"] if isinstance(spec.get("version"), str) else "",
            strategy=_strategy(spec.get("version")),
            exclusive=spec.get("exclusive", True),
        )


def _filled_use_case(document: Document, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The use case's spec under the project's defaults and then the schema's."""
    given = document.value["spec"]
    spec = {
        **given,
        "target": given.get("target") or defaults.get("target") or "builtin",
        "runtime": given.get("runtime") or defaults.get("runtime") or "default",
        "resources": {**RESOURCES, **(defaults.get("resources") or {}), **(given.get("resources") or {})},
    }
    filled: dict[str, Any] = dict(fill_defaults("UseCase", {**document.value, "spec": spec})["spec"])
    return filled


def _body(spec: Mapping[str, Any]) -> dict[str, Any]:
    left_out = {*_LISTED_ONLY, *_BESIDE, "workflows", "docs", "skills"}
    body = {key: value for key, value in spec.items() if key not in left_out}
    body["parameters"] = parameters_schema(spec.get("parameters") or {})
    body.setdefault("credentials", {})
    body.setdefault("connections", [])
    return body


def _entries(
    written: Iterable[Mapping[str, Any]], spec: Mapping[str, Any], folder: str, workflows: _Workflows
) -> Iterator[dict[str, Any]]:
    for own, entry in zip(written, spec["workflows"], strict=True):
        definition = workflows.definition(folder, entry["file"])
        triggers = entry.get("triggers") or [MANUAL]
        if not own.get("triggers"):
            triggers = [*triggers, *triggers_of(definition)]
        yield {**entry, "triggers": triggers, "definition": definition}


def _companions(project: LoadedProject, folder: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """The texts that travel with the template."""
    carried = {"skills": [_text(project, folder, path) for path in spec.get("skills", ())]}
    return carried | ({"docs": _text(project, folder, spec["docs"])} if spec.get("docs") else {})


def _text(project: LoadedProject, folder: str, path: str) -> dict[str, str]:
    place = inside(folder, path)
    text = project.text(place) if place else ""
    return {"path": path, "digest": "sha256:" + hashlib.sha256(text.encode()).hexdigest(), "text": text}


def _listing(spec: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    listing = {key: spec[key] for key in _LISTED if key in spec}
    kept = {**(defaults.get("retention") or {}), **(spec.get("retention") or {})}
    return listing | ({"retention": kept} if kept else {})


def _own_types(spec: Mapping[str, Any], types: Mapping[str, Any]) -> dict[str, Any]:
    """The project's own types of credentials that the slots name; what is stored is checked by them."""
    named = {slot["type"] for slot in (spec.get("credentials") or {}).values()}
    own = {name: types[name] for name in sorted(named & set(types))}
    return {"credentialTypes": own} if own else {}


def _strategy(version: Any) -> Strategy:
    return Strategy(version.get("strategy", "auto")) if isinstance(version, Mapping) else Strategy.AUTO


def _instances(project: LoadedProject, owner: str, first_stage: str) -> Iterator[Instance]:
    for document in _first(project, "Instance"):
        spec = _filled(document)
        yield Instance(
            name=document.name,
            use_case=spec["useCase"],
            stage=spec.get("stage") or first_stage,
            owner=spec.get("owner") or owner,
            version=str(spec.get("version", "*")),
            enabled=spec.get("enabled", True),
            archived=spec.get("archived", False),
            parameters=spec.get("parameters") or {},
            credentials=spec.get("credentials") or {},
            sharing=spec.get("sharing") or {},
            resources=spec.get("resources") or {},
            path=document.path,
        )


def _installed_by_themselves(
    use_cases: Iterable[UseCase], project: LoadedProject, owner: str, stage: str
) -> Iterator[Instance]:
    """One instance in the first stage per use case that no Instance document speaks of, sound or not."""
    spoken_of = {_use_case_of(each.value) for each in project.documents if each.kind == "Instance"}
    for each in use_cases:
        if each.name not in spoken_of:
            yield Instance(
                name=each.name, use_case=each.name, stage=stage, owner=owner, path=each.path, declared=False
            )


def _use_case_of(value: Any) -> str:
    spec = value.get("spec")
    name = spec.get("useCase") if isinstance(spec, dict) else None
    return name if isinstance(name, str) else ""


def _resource(document: Document, body: Mapping[str, Any]) -> Resource:
    return Resource(document.name, digest(body), body, document.path)


def _runtimes(project: LoadedProject) -> Iterator[Resource]:
    """A runtime built from a Dockerfile carries the files it is built from: what applies it needs no repo."""
    for document in _first(project, "Runtime"):
        body = dict(_filled(document))
        if isinstance(body.get("dockerfile"), str):
            body["files"] = _build_files(project, body["dockerfile"], body.get("context"))
        yield _resource(document, body)


def _build_files(project: LoadedProject, dockerfile: str, context: str | None) -> dict[str, str]:
    folder = posixpath.normpath(context) if context else posixpath.dirname(dockerfile)
    below = f"{folder}/" if folder not in {"", "."} else ""
    paths = [path for path in project.paths if path == dockerfile or path.startswith(below)][:_CONTEXT_FILES]
    return {path: project.text(path) for path in sorted(paths)}
