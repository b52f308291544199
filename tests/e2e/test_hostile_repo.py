"""A repo made by an enemy: clear findings in bounded time and memory; nothing of it is run."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from repo.repo_builder import INSTANCE, PROJECT, a_project, commit, git, write

MEMORY = 1_500_000_000  # of address space, the interpreter and its libraries included
CPU_SECONDS = 40  # the machine may be slow; what is hostile takes hours or for ever

USE_CASE = "use-cases/orders/usecase.yaml"
WORKFLOW = "use-cases/orders/workflows/main.yaml"


def confine() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))


def run(folder: Path, *words: str, limited: bool = True) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder.parent / "cache"), "HOME": str(folder.parent)}
    environment.pop("NO_COLOR", None)
    return subprocess.run(
        [sys.executable, "-m", "caseway", *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        preexec_fn=confine if limited else None,
        timeout=250,
        check=False,
    )


def validated(folder: Path) -> list[dict[str, Any]]:
    done = run(folder, "validate", "--format", "json")
    assert done.returncode in {0, 1}, done.stderr.decode()[-2000:]
    assert b"Traceback" not in done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)["diagnostics"]
    assert not [each for each in found if each["code"] == "CW001"], "a rule crashed"
    return found


def codes(folder: Path) -> set[str]:
    return {each["code"] for each in validated(folder) if each["severity"] == "error"}


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return write(tmp_path / "repo", a_project())


def spec(extra: str) -> str:
    return a_project()[USE_CASE] + extra


def tasks(*texts: str) -> str:
    head = "document: {dsl: 1.0.1, namespace: orders, name: main, version: 1.0.0}\ndo:\n"
    return head + "".join(
        f"  - t{number}: {{set: {{a: {json.dumps(text)}}}}}\n" for number, text in enumerate(texts)
    )


BOMB = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 20)
)
FILES: Mapping[str, tuple[str, str | bytes, str]] = {
    "aliases that expand to 10^20 values": (WORKFLOW, BOMB, "CW106"),
    "aliases that expand under a real document": (USE_CASE, spec("  parameters: &a [x]\n") + BOMB, "CW106"),
    "ten million open brackets": (WORKFLOW, b"[" * 9_900_000, "CW105"),
    "ten million open braces of JSON": ("instances/a.json", b'{"a":' * 1_900_000, "CW105"),
    "a million list items": (WORKFLOW, b"- a\n" * 2_400_000, "CW106"),
    "a million values of JSON": ("instances/a.json", b"[" + b"1," * 2_000_000 + b"1]", "CW106"),
    "millions of documents": (WORKFLOW, b"---\n" * 2_400_000, "CW106"),
    "millions of tag directives": (WORKFLOW, "".join(f"%TAG !{n}! a\n" for n in range(500_000)), "CW108"),
    "a python object": (WORKFLOW, "a: !!python/object/apply:os.system ['touch pwned']", "CW108"),
    "a number of a million digits": (USE_CASE, spec(f"  retries: {'9' * 1_000_000}\n"), "CW111"),
    "a million hexadecimal digits": (USE_CASE, spec(f"  retries: 0x{'f' * 1_000_000}\n"), "CW111"),
    "a million digits in JSON": ("instances/a.json", '{"a": ' + "9" * 1_000_000 + "}", "CW111"),
    "bytes": (WORKFLOW, bytes(range(256)) * 1000, "CW103"),
    "a key of megabytes": (USE_CASE, spec(f"  ? {'k' * 3_000_000}\n  : 1\n"), "CW201"),
    "a path out of it": (USE_CASE, spec("").replace("workflows/main", "../../../../etc/passwd"), "CW205"),
    "an absolute path": (USE_CASE, spec("").replace("workflows/main.yaml", "/etc/passwd"), "CW205"),
    "docs out of the folder": (USE_CASE, spec("  docs: ../../../../../etc/passwd\n"), "CW205"),
    "a name that draws": (USE_CASE, spec("").replace("{name: orders}", '{name: "a\\e[2J\\nb"}'), "CW205"),
}  # fmt: skip


@pytest.mark.parametrize("case", FILES)
def test_a_hostile_file_is_a_finding(repo: Path, case: str) -> None:
    path, content, code = FILES[case]
    write(repo, {path: content})
    assert code in codes(repo)
    assert not (repo / "pwned").exists()


def test_a_file_of_100_mb_is_not_read(repo: Path) -> None:
    with (repo / WORKFLOW).open("wb") as file:
        file.truncate(100_000_000)
    assert "CW107" in codes(repo)
    commit(repo)
    done = run(repo, "validate", "--format", "json")
    assert b"CW107" in done.stdout


def test_a_link_to_a_secret_is_refused_and_its_text_shown_nowhere(repo: Path) -> None:
    secret = repo.parent / "secret.yaml"
    secret.write_text("do: [hush-hush]")
    (repo / WORKFLOW).unlink()
    (repo / WORKFLOW).symlink_to(secret)
    done = run(repo, "validate")
    assert done.returncode == 1
    assert b"CW114" in done.stdout + done.stderr
    assert b"hush-hush" not in done.stdout + done.stderr


@pytest.mark.parametrize("form", ["text", "github", "json", "sarif"])
def test_nothing_that_steers_a_terminal_reaches_it(repo: Path, form: str) -> None:
    text = "\\e]0;owned\\a\\e[31mred\\nline\\u202etxt\\u0007"
    bad = f'"{text}"'
    write(
        repo,
        {
            USE_CASE: spec(f"  {bad}: 1\n  runtime: {bad}\n  connections: [{bad}]\n  version: {bad}\n"),
            "instances/a.yaml": INSTANCE.replace("{name: NAME}", f"{{name: {bad}}}").replace("USE_CASE", bad),
            "instances/b.yaml": f"apiVersion: caseway/v1\nkind: {bad}\n",
            WORKFLOW: tasks(f"$[[ params.{text} ]]") + f"  - {bad}: {{{bad}: 1}}\n",
        },
    )
    done = run(repo, "validate", "--format", form)
    assert b"Traceback" not in done.stderr
    assert not set((done.stdout + done.stderr).decode()) & set("\x1b\x07\x08\r\u202e")
    assert done.returncode == 1


def test_jq_that_never_ends_does_not_hold_validation_up(repo: Path) -> None:
    write(
        repo,
        {
            WORKFLOW: tasks(
                "${ def f: f; f }",
                "${ [range(1e12)] }",
                "${ last(repeat(1)) }",
                '${ reduce range(1e9) as $i (""; . + "xxxxxxxx") }',
                "${ " + "(" * 20_000 + "1" + ")" * 20_000 + " }",
                "${ " + "1 + " * 20_000 + "1 }",
                '${ test("(a+)+$") }',
            )
        },
    )
    assert validated(repo) is not None


def test_templates_reach_nothing_of_python(repo: Path) -> None:
    write(
        repo,
        {
            USE_CASE: spec(
                '  parameters: {type: object, properties: {x: {type: string, default: "{{ 7*7 }}"}}}\n'
            ),
            WORKFLOW: tasks(
                "$[[ ''.__class__.__mro__[1].__subclasses__() ]]",
                "$[[ params.__init__.__globals__ ]]",
                "$[[ cycler.__init__.__globals__.os.popen('touch pwned').read() ]]",
                "$[[ 'x' * 10 ** 10 ]]",
                "$[[ range(10 ** 9) | list ]]",
                "$[[ " + "(" * 5000 + "1" + ")" * 5000 + " ]]",
                "$[[ " * 5000,
            ),
        },
    )
    found = codes(repo)
    assert any(code.startswith("CW4") for code in found)
    assert not (repo / "pwned").exists()


def test_patterns_that_backtrack_do_not_hold_validation_up(repo: Path) -> None:
    long = "a" * 40 + "!"
    patterns = {"x": "^(a+)+$", "y": "^(a|a)*(?=b)$"}
    texts = {name: {"type": "string", "pattern": each, "default": long} for name, each in patterns.items()}
    schema = {"type": "object", "properties": texts}
    globs = '"' + "**/" * 200 + 'x"'
    project = PROJECT.replace(
        "owner: ops",
        f"owner: ops, exclude: [{globs}], lint: {{ignore: [{{rule: CW801, path: {globs}, reason: r}}]}}",
    )
    write(repo, {USE_CASE: spec(f"  parameters: {json.dumps(schema)}\n"), "caseway.yaml": project})
    write(repo, {f"{'d/' * 40}a.md": "text", f"{'d/' * 40}b.yaml": "kind: x"})
    assert validated(repo) is not None


def test_schemas_that_refer_to_themselves_or_elsewhere_are_not_followed(repo: Path) -> None:
    schema = {
        "type": "object",
        "properties": {
            "a": {"$ref": "#/properties/a"},
            "b": {"$ref": "file:///etc/passwd"},
            "c": {"$ref": "http://127.0.0.1:9/schema.json"},
        },
    }
    instance = INSTANCE.replace("USE_CASE", "orders").replace("NAME", "o").rstrip().removesuffix("}")
    write(
        repo,
        {
            USE_CASE: spec(f"  parameters: {json.dumps(schema)}\n"),
            "instances/o.yaml": instance + ", parameters: {a: 1}}\n",
        },
    )
    out = json.dumps(validated(repo))
    assert "root:" not in out


def test_sub_workflows_that_call_one_another_are_told(repo: Path) -> None:
    who = "namespace: orders, name: main, version: 1.0.0"
    call = f"document: {{dsl: 1.0.1, {who}}}\ndo:\n  - again: {{run: {{workflow: {{{who}}}}}}}\n"
    write(repo, {WORKFLOW: call})
    assert codes(repo)


SETTINGS = (  # each starts a program in some git command
    "core.fsmonitor", "filter.evil.clean", "filter.evil.smudge", "filter.evil.process", "diff.evil.textconv",
    "diff.evil.command", "diff.external", "core.pager", "pager.status", "core.sshCommand", "core.editor",
    "gpg.program", "credential.helper", "core.askPass", "alias.status", "alias.ls-files",
)  # fmt: skip


@pytest.mark.parametrize(
    "command", [("validate",), ("validate", "--format", "json"), ("plan",), ("plan", "--ref", "HEAD")]
)
def test_the_repo_s_git_configuration_runs_nothing(repo: Path, command: tuple[str, ...]) -> None:
    mark = repo.parent / "ran"
    write(repo, {".gitattributes": "* filter=evil diff=evil\n"})
    commit(repo)
    script = write(repo.parent, {"evil.sh": f"#!/bin/sh\necho $0 $* >> {mark}\ncat\n"}) / "evil.sh"
    script.chmod(0o755)
    for name in SETTINGS:
        value = f"!{script}" if name.startswith("alias") else str(script)
        git(repo, "config", name, value)
    git(repo, "config", "log.showSignature", "true")
    for hook in (
        "post-index-change",
        "pre-commit",
        "post-checkout",
        "reference-transaction",
        "fsmonitor-watchman",
    ):
        write(repo, {f".git/hooks/{hook}": script.read_text()})
        (repo / ".git/hooks" / hook).chmod(0o755)
    os.utime(repo / WORKFLOW, (1, 1))  # looks changed, so git would ask the filter
    write(repo, {"caseway.yaml": PROJECT + "# changed\n"})
    done = run(repo, *command)
    assert b"Traceback" not in done.stderr
    assert not mark.exists(), mark.read_text()


def test_a_submodule_of_the_repo_runs_nothing(repo: Path) -> None:
    mark = repo.parent / "ran"
    other = write(repo.parent / "other", a_project("inner"))
    commit(other)
    commit(repo)
    git(repo, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(other), "vendor")
    commit(repo)
    git(repo / "vendor", "config", "core.fsmonitor", f"touch {mark}; false")
    write(repo / "vendor", {"caseway.yaml": PROJECT + "# changed\n"})
    assert codes(repo) == set()
    assert not mark.exists()


def test_a_missing_object_is_not_fetched(repo: Path) -> None:
    mark = repo.parent / "ran"
    commit(repo)
    git(repo, "config", "core.repositoryFormatVersion", "1")
    git(repo, "config", "extensions.partialClone", "origin")
    git(repo, "config", "remote.origin.url", f"ext::sh -c touch% {mark}")
    git(repo, "config", "remote.origin.promisor", "true")
    git(repo, "config", "protocol.ext.allow", "always")
    blob = git(repo, "rev-parse", f"HEAD:{WORKFLOW}")
    (repo / ".git/objects" / blob[:2] / blob[2:]).unlink()
    done = run(repo, "plan", "--ref", "HEAD")
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert not mark.exists()
