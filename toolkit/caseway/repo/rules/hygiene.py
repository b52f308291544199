"""CW8xx: versions, limits, who sees and owns what, and tidy files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import caseway
from caseway.repo.rules.rule import Finding, at
from caseway.repo.rules.shape import items, mapping, text, walk
from caseway.repo.rules.view import View, spec

if TYPE_CHECKING:
    pass

MOST_ATTEMPTS = 20
_DEFAULT_RETRIES = 3
_COMPARISON = re.compile(r"\s*(==|!=|<=|>=|<|>|~=)?\s*(\d+(?:\.\d+)*)")
_EXACT = re.compile(r"\s*=?v?(\d+)\.(\d+)\.(\d+)(?:[-+].*)?\s*")


def too_old(view: View) -> Iterator[Finding]:
    for project in view.of_kind("Project"):
        wanted = text(spec(project), "requiredVersion")
        if wanted and not satisfies(caseway.__version__, wanted):
            message = f"this project needs Caseway {wanted}; this is {caseway.__version__}"
            yield at(project, "/spec/requiredVersion", message, "install a version that fits")


def satisfies(version: str, wanted: str) -> bool:
    """Whether a release number meets every comparison of `wanted`, such as `>=0.1,<2`."""
    own = _numbers(version)
    return all(
        _holds(own, *match.groups()) for part in wanted.split(",") if (match := _COMPARISON.match(part))
    )


def _numbers(version: str) -> tuple[int, ...]:
    found = [int(number) for number in re.findall(r"\d{1,9}", re.split("[-+]", version, maxsplit=1)[0])[:3]]
    return (*found, 0, 0, 0)[:3]


def _holds(own: tuple[int, ...], sign: str | None, wanted: str) -> bool:
    other = _numbers(wanted)
    given = wanted.count(".") + 1
    is_same, is_near = own[:given] == other[:given], own[: max(given - 1, 1)] == other[: max(given - 1, 1)]
    answers = {
        ">=": own >= other,
        "<=": own <= other,
        ">": own > other,
        "<": own < other,
        "!=": not is_same,
        "~=": own >= other and is_near,
    }
    return answers.get(sign or "==", is_same)


def version_ahead(view: View) -> Iterator[Finding]:
    for instance in view.of_kind("Instance"):
        use_case = view.named("UseCase").get(text(spec(instance), "useCase"))
        pinned = _EXACT.fullmatch(text(spec(instance), "version"))
        declared = _EXACT.fullmatch(text(spec(use_case), "version")) if use_case else None
        if use_case is None or pinned is None or declared is None:
            continue
        if tuple(map(int, pinned.groups())) > tuple(map(int, declared.groups())):
            message = (
                f"version {pinned[0].strip()} does not exist yet: the use case is at {declared[0].strip()}"
            )
            yield at(instance, "/spec/version", message, f"raise the version in {use_case.path} first")


def idle_audience(view: View) -> Iterator[Finding]:
    for use_case in view.of_kind("UseCase"):
        visibility = text(spec(use_case), "visibility") or "private"
        for key, kind in (("users", "userList"), ("teams", "teamList")):
            listed = items(spec(use_case), key)
            if listed and visibility != kind:
                message = f"`{key}` has no effect while visibility is {visibility}"
                yield at(
                    use_case, f"/spec/{key}", message, f"write visibility: {kind}, or remove {key}", key=True
                )
            if visibility == kind and not listed:
                message = f"visibility: {kind} shows the process to nobody, since `{key}` is empty"
                yield at(use_case, "/spec/visibility", message, f"list them in {key}")


def same_place(view: View) -> Iterator[Finding]:
    seen: dict[tuple[str, ...], str] = {}
    default = text(view.settings, "owner") or "local"
    for name, instances in view.instances_of.items():
        use_case = view.named("UseCase").get(name)
        if use_case is None:
            continue
        is_personal = (text(spec(use_case), "processType") or "personal") == "personal"
        for instance in instances:
            if spec(instance).get("archived") is True:
                continue
            stage = text(spec(instance), "stage") or next(iter(view.stages), "")
            owner = text(spec(instance), "owner") or default
            key = (name, stage, owner) if is_personal else (name, stage)
            if key in seen and seen[key] != instance.name:  # of one name twice, that is told
                whose = f"{owner} has" if is_personal else "the organization has"
                message = f'{whose} "{seen[key]}" of this use case in stage {stage} already'
                hint = (
                    "a personal process has one instance per user and stage, an organizational one per stage"
                )
                yield at(instance, "/spec/stage", message, hint)
            seen.setdefault(key, instance.name)


def many_attempts(view: View) -> Iterator[Finding]:
    for entry in view.workflows:
        if entry.document is None or entry.document.kind != "Workflow":
            continue
        if view.marks(entry.document).noted.isdisjoint(("retry", "retries")):
            continue
        found = spec(entry.use_case).get("retries", _DEFAULT_RETRIES)
        dispatches = 1 + found if isinstance(found, int) and not isinstance(found, bool) else 1
        for pointer, limit in _retry_limits(entry.document.value):
            if dispatches * (limit + 1) > MOST_ATTEMPTS:
                total = dispatches * (limit + 1)
                message = f"up to {total} attempts: {limit + 1} here, in each of {dispatches} dispatches"
                yield at(entry.document, pointer, message, "lower the limit, or the use case's retries")


def _retry_limits(value: Any) -> Iterator[tuple[str, int]]:
    for pointer, key, item in walk(value):
        count = (
            mapping(item, "limit", "attempt").get("count")
            if key == "retry" or "/retries/" in pointer
            else None
        )
        if isinstance(count, int) and not isinstance(count, bool):
            yield f"{pointer}/limit/attempt/count", count


def no_timeout(view: View) -> Iterator[Finding]:
    for entry in view.workflows:
        if entry.document is None or entry.document.kind != "Workflow":
            continue
        if "timeout" in mapping(entry.document.value) or "timeout" in mapping(spec(entry.use_case), "limits"):
            continue
        if view.marks(entry.document).noted.isdisjoint(("call", "run", "listen", "wait")):
            continue
        waits = [
            pointer
            for pointer, key, _ in walk(entry.document.value)
            if key in ("call", "run", "listen", "wait")
        ]
        if waits:
            message = "no timeout is written: the default of 15 minutes holds"
            yield at(
                entry.document,
                "/do",
                message,
                "say how long it may take: timeout: {after: {minutes: 5}}",
                key=True,
            )


def single_stage(view: View) -> Iterator[Finding]:
    if len(view.stages) != 1:
        return
    for use_case in view.of_kind("UseCase"):
        if "exclusive" in spec(use_case):
            message = "`exclusive` has no effect in a project with one stage"
            yield at(use_case, "/spec/exclusive", message, "remove it", key=True)


def untidy(view: View) -> Iterator[Finding]:
    for path, found in view.texts.untidy.items():
        for space in found:
            yield Finding(path, space.line, space.column, "", space.what, "run `caseway validate --fix`")


def idle_preview_credential(view: View) -> Iterator[Finding]:
    bound = _bound_names(view)
    for project in view.of_kind("Project"):
        for index, name in enumerate(items(spec(project), "preview", "credentials")):
            if isinstance(name, str) and name not in bound:
                message = f'no use case or instance knows a credential "{name}"'
                yield at(
                    project, f"/spec/preview/credentials/{index}", message, "remove it, or check the name"
                )


def _bound_names(view: View) -> frozenset[str]:
    found: set[str] = set()
    for use_case in view.of_kind("UseCase"):
        found.update(map(str, mapping(spec(use_case), "credentials")))
    for instance in view.of_kind("Instance"):
        found.update(str(name) for name in mapping(spec(instance), "credentials").values())
    for connection in view.of_kind("Connection"):
        found.add(text(spec(connection), "credential"))
    return frozenset(found)


def unknown_ignore(view: View, codes: Mapping[str, object]) -> Iterator[Finding]:
    for project in view.of_kind("Project"):
        for index, entry in enumerate(items(spec(project), "lint", "ignore")):
            code = text(entry, "rule")
            if code and code not in codes:
                yield at(
                    project,
                    f"/spec/lint/ignore/{index}/rule",
                    f"there is no rule {code}",
                    "see docs/rules.md",
                )
