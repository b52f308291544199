"""One mistake gives one finding: at its place, with what to do about it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from caseway.cli.scaffold import write_project, write_use_case
from caseway.model.diagnostic import Diagnostic, Severity
from caseway.repo.cache import Cache
from caseway.repo.read import read

U = "use-cases/hello/usecase.yaml"
W = "use-cases/hello/workflows/hello.yaml"
D = "use-cases/hello/workflows/daily.yaml"
T = "use-cases/hello/tests/hello.yaml"
C = "caseway.yaml"
I = "instances/i.yaml"  # noqa: E741 - beside its likes
J = "instances/i.json"
R = "runtimes/r.yaml"
N = "connections/n.yaml"

ENTRY = "apiVersion: caseway/v1\nkind: {0}\nmetadata: {{name: i}}\nspec:\n{1}"
PROJECT = "apiVersion: caseway/v1\nkind: Project\nmetadata: {name: acme}\nspec: {}\n"
USE_CASE = "apiVersion: caseway/v1\nkind: UseCase\nmetadata: {name: hello}\nspec:"
TAGS = "  tags: [sample]"
CALL = "  - greet:\n      run:"


def instance(rest: str, use_case: str = "hello") -> str:
    return ENTRY.format("Instance", f"  useCase: {use_case}\n{rest}")


def runtime(rest: str) -> str:
    return ENTRY.format("Runtime", rest)


def connection(rest: str) -> str:
    return ENTRY.format("Connection", rest)


JSON_INSTANCE = (
    '{"apiVersion":"caseway/v1","kind":"Instance","metadata":{"name":"i"},"spec":{"useCase":"hello"%s}}\n'
)

# name: (file, what stands there or None for all of it, what stands there instead, code, line, column)
MISTAKES: dict[str, tuple[str, str | None, str | bytes, str, int, int]] = {
    "a version of the format that is not known": (U, "caseway/v1", "caseway/v2", "CW204", 1, 13),
    "no apiVersion": (U, "apiVersion: caseway/v1\n", "", "CW202", 1, 1),
    "a kind in the wrong case": (U, "kind: UseCase", "kind: Usecase", "CW118", 2, 7),
    "a kind of another tool": (U, "kind: UseCase", "kind: Deployment", "CW118", 2, 7),
    "no metadata": (U, "metadata:\n  name: hello\n", "", "CW202", 1, 1),
    "a name with a capital": (U, "name: hello", "name: Hello", "CW205", 4, 9),
    "a name that is a number": (U, "name: hello", "name: 12", "CW203", 4, 9),
    "an empty spec": (U, None, f"{USE_CASE}\n", "CW203", 4, 6),
    "a spec that is a list": (U, None, f"{USE_CASE} []\n", "CW203", 4, 7),
    "tags that are a text": (U, "tags: [sample]", "tags: sample", "CW203", 8, 9),
    "a tab": (U, TAGS, "\ttags: [sample]", "CW101", 8, 1),
    "a brace never closed": (U, "path: /hello}", "path: /hello", "CW101", 24, 11),
    "a colon without a space": (U, "file: workflows/h", "file:workflows/h", "CW101", 21, 7),
    "a type of trigger that is not known": (U, "type: http,", "type: webhook,", "CW204", 23, 28),
    "no path": (U, ", path: /hello", "", "CW202", 23, 11),
    "four cron fields": (U, "0 7 * * 1-5", "0 7 * *", "CW205", 29, 48),
    "an hour that no day has": (U, "0 7 * * 1-5", "0 25 * * 1-5", "CW601", 29, 48),
    "a time zone misspelt": (U, "timezone: UTC", "timezone: Europe/Berln", "CW603", 29, 73),
    "a time zone that is an offset": (U, "timezone: UTC", "timezone: GMT+2", "CW603", 29, 73),
    "a path without a slash": (U, "path: /hello", "path: hello", "CW205", 23, 54),
    "a method in small letters": (U, "method: POST", "method: post", "CW204", 23, 42),
    "a file above the project": (
        U,
        "file: workflows/hello.yaml",
        "file: ../../../etc/passwd",
        "CW205",
        20,
        13,
    ),
    "a file of the machine": (U, "file: workflows/hello.yaml", "file: /etc/passwd", "CW205", 20, 13),
    "a file that is not there": (
        U,
        "file: workflows/hello.yaml",
        "file: workflows/helo.yaml",
        "CW305",
        20,
        13,
    ),
    "a caller misspelt": (U, "calledBy: [hello, daily]", "calledBy: [helo, daily]", "CW524", 33, 18),
    "a default of another type": (U, "default: Hello", "default: 5", "CW702", 16, 18),
    "a type misspelt": (U, "        type: string", "        type: strng", "CW701", 13, 15),
    "a version without quotes": (U, TAGS, f"{TAGS}\n  version: 1.0", "CW203", 9, 12),
    "a version that begins with v": (U, TAGS, f"{TAGS}\n  version: v1.0.0", "CW205", 9, 12),
    "a strategy that is not known": (U, TAGS, f"{TAGS}\n  version: {{strategy: automatic}}", "CW204", 9, 23),
    "a size with a space": (U, TAGS, f"{TAGS}\n  resources: {{memory: 1 GB}}", "CW205", 9, 23),
    "less than no processor": (U, TAGS, f"{TAGS}\n  resources: {{cpu: -1}}", "CW206", 9, 20),
    "a duration in words": (U, TAGS, f"{TAGS}\n  limits: {{timeout: 15 minutes}}", "CW205", 9, 21),
    "a number in quotes": (U, TAGS, f"{TAGS}\n  retries: '3'", "CW203", 9, 12),
    "credentials that are a list": (U, TAGS, f"{TAGS}\n  credentials: [erp]", "CW203", 9, 16),
    "a connection that is not there": (U, TAGS, f"{TAGS}\n  connections: [db]", "CW304", 9, 17),
    "a runtime that is not there": (U, TAGS, f"{TAGS}\n  runtime: pythn", "CW303", 9, 12),
    "a key misspelt": (U, "  tags:", "  tag:", "CW201", 8, 3),
    "a key in the wrong place": (U, "spec:\n", "tags: [a]\nspec:\n", "CW201", 5, 1),
    "a use case misspelt": (I, None, instance("", "helo"), "CW301", 5, 12),
    "a stage misspelt": (I, None, instance("  stage: prd\n"), "CW302", 6, 10),
    "a parameter of another type": (I, None, instance("  parameters: {greeting: 5}\n"), "CW703", 6, 26),
    "a parameter misspelt": (I, None, instance("  parameters: {greting: Hi}\n"), "CW705", 6, 16),
    "a range that is none": (I, None, instance("  version: '^1.x.y'\n"), "CW205", 6, 12),
    "yes for true": (I, None, instance("  enabled: yes\n"), "CW203", 6, 12),
    "a credential nobody asks for": (I, None, instance("  credentials: {erp: x}\n"), "CW720", 6, 17),
    "a text instead of a document": (I, None, "hello\n", "CW118", 1, 1),
    "an instance twice": (I, None, f"{instance('')}---\n{instance('')}", "CW306", 9, 18),
    "a key twice": (I, None, instance("  stage: dev\n  stage: prod\n"), "CW102", 7, 3),
    "an object of Python": (
        I,
        None,
        instance("  parameters: !!python/object/apply:os.system [ls]\n"),
        "CW108",
        6,
        15,
    ),
    "bytes that are no text": (I, None, bytes(range(256)), "CW103", 2, 118),
    "a text of another encoding": (I, None, instance("  owner: jürgen\n").encode("latin-1"), "CW103", 6, 11),
    "a half-written file": (I, None, instance("  parameters: {greeting: 'Hi"), "CW101", 6, 26),
    "a template of Helm": (I, None, instance("  owner: {{ .Values.owner }}\n"), "CW113", 6, 11),
    "a placeholder that needs quotes": (
        I,
        None,
        instance("  parameters: {greeting: $[[ stage ]]}\n"),
        "CW101",
        6,
        27,
    ),
    "a merge conflict": (
        I,
        None,
        f"<<<<<<< HEAD\n{instance('')}=======\n{instance('')}>>>>>>> mine\n",
        "CW101",
        1,
        1,
    ),
    "no name": (I, None, instance("").replace("{name: i}", "{name: }"), "CW203", 3, 18),
    "a comma too many in JSON": (J, None, (JSON_INSTANCE % ","), "CW101", 1, 96),
    "not-a-number in JSON": (J, None, JSON_INSTANCE % ',"parameters":{"greeting":NaN}', "CW111", 1, 121),
    "two bases of a runtime": (R, None, runtime("  image: a\n  baseImage: b\n"), "CW207", 5, 3),
    "no base of a runtime": (R, None, runtime("  packages: {python: [x]}\n"), "CW207", 5, 3),
    "a Dockerfile that is not there": (R, None, runtime("  dockerfile: Dockerfile\n"), "CW310", 5, 15),
    "a command as a package": (
        R,
        None,
        runtime("  image: a\n  packages: {system: ['a; rm -rf /']}\n"),
        "CW205",
        6,
        23,
    ),
    "an option as a package": (
        R,
        None,
        runtime("  image: a\n  packages: {python: ['--index-url x']}\n"),
        "CW205",
        6,
        23,
    ),
    "another name of a type": (
        N,
        None,
        connection("  type: postgresql\n  url: postgres://h/db\n"),
        "CW204",
        5,
        9,
    ),
    "a connection to nowhere": (N, None, connection("  type: postgres\n"), "CW202", 5, 3),
    "a password in a URL": (
        N,
        None,
        connection("  type: mysql\n  url: mysql://u:hunter2@h/d\n"),
        "CW712",
        6,
        8,
    ),
    "a workflow that the test misspells": (T, "workflow: hello", "workflow: helo", "CW314", 6, 13),
    "a status misspelt": (T, "status: completed", "status: complete", "CW204", 10, 13),
    "an expectation misspelt": (T, "expect:", "expects:", "CW201", 9, 3),
    "what a stage cannot follow": (C, "follows: latest", "follows: newest", "CW204", 8, 28),
    "a stage twice": (C, "name: prod", "name: dev", "CW311", 9, 14),
    "a version comparison that is none": (
        C,
        "spec:\n",
        "spec:\n  requiredVersion: 'latest'\n",
        "CW205",
        6,
        20,
    ),
    "a newer Caseway needed": (C, "spec:\n", "spec:\n  requiredVersion: '>=99'\n", "CW801", 6, 20),
    "an empty project file": (C, None, "", "CW118", 1, 1),
    "a project file with something else": (C, None, instance(""), "CW118", 1, 1),
    "two projects in a file": (C, None, f"{PROJECT}---\n{PROJECT}", "CW121", 6, 1),
    "a project among the instances": (I, None, PROJECT, "CW121", 1, 1),
    "letters of a task swapped": (W, "      run:", "      rnu:", "CW201", 17, 7),
    "a way to nowhere": (W, CALL, "  - greet:\n      then: nowhere\n      run:", "CW502", 17, 13),
    "half an expression": (W, '${ .name // "world" }', "${ .name // }", "CW501", 23, 19),
    "a DSL of another version": (W, "dsl: 1.0.0", "dsl: 2.0.0", "CW205", 2, 8),
    "a timeout in words": (W, "after: {minutes: 1}", "after: 1 minute", "CW205", 14, 10),
    "a unit misspelt": (W, "after: {minutes: 1}", "after: {minute: 1}", "CW201", 14, 11),
    "a version nobody has": (
        W,
        "version: 1.0.0\n          input",
        "version: 1.0.1\n          input",
        "CW520",
        19,
        11,
    ),
    "a sub-workflow misspelt": (W, "name: compose", "name: compse", "CW520", 19, 11),
    "a parameter misspelt in a placeholder": (W, "params.greeting", "params.greting", "CW403", 24, 23),
    "a kind of placeholder misspelt": (W, "params.greeting", "parms.greeting", "CW402", 24, 23),
    "a placeholder never closed": (W, "$[[ params.greeting ]]", "$[[ params.greeting ]", "CW401", 24, 23),
    "a way out of the sandbox": (W, "params.greeting", "params.__class__.__mro__", "CW401", 24, 23),
    "a secret that is not listed": (W, "$[[ params.greeting ]]", "${ $secrets.erp.token }", "CW509", 24, 23),
    "a task twice": (D, "  - summary:", "  - team:", "CW505", 28, 7),
    "a token": (W, "$[[ params.greeting ]]", "ghp_" + "a1B2" * 9, "CW710", 24, 23),
    "an escape code": (W, "summary: Answers", "summary: \x1b[2JAnswers", "CW104", 6, 12),
}


@pytest.fixture(scope="module")
def began(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("began")
    write_project(folder, "acme")
    write_use_case(folder, "hello", "Hello")
    return folder


def found_after(folder: Path, began: Path, name: str) -> list[Diagnostic]:
    file, before, after, *_ = MISTAKES[name]
    shutil.copytree(began, folder / "repo")
    path = folder / "repo" / file
    if before is not None:
        text = path.read_text()
        assert before in text
        after = text.replace(before, str(after), 1)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(after if isinstance(after, bytes) else after.encode())
    with_cache = Cache(folder / "cache", "test")
    try:
        return list(read(folder / "repo", cache=with_cache).diagnostics)
    finally:
        with_cache.close()


@pytest.mark.parametrize("name", MISTAKES)
def test_one_mistake_is_told_once_at_its_place(name: str, tmp_path: Path, began: Path) -> None:
    file, _, _, code, line, column = MISTAKES[name]
    used = [each for each in found_after(tmp_path, began, name) if each.severity is not Severity.NOTE]
    assert [(each.file, each.code, each.line, each.column) for each in used] == [(file, code, line, column)]
    assert len(used[0].message) < 200


def test_what_begins_a_project_has_no_findings(began: Path, tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", "test")
    assert read(began, cache=cache).diagnostics == ()
    cache.close()
