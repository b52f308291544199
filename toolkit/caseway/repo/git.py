"""Git's plumbing, so called that a hostile repo runs nothing.

Rule: no hook, filter, pager, monitor, credential helper or transport of the repo may start. Only commands
that read are called, each through here.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import IO

from caseway.model.desired import Source
from caseway.model.errors import CasewayError
from caseway.repo.quote import printable, quoted

MESSAGE_LENGTH = 10_000
_PORTION = 1024 * 1024
_BATCH = 400  # ids sent before answers are read: fewer bytes than a pipe holds, so neither side blocks
_SAFE = (
    "--no-pager", "--no-optional-locks", "--literal-pathspecs",
    "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null",
    "-c", "core.quotePath=false", "-c", "submodule.recurse=false", "-c", "status.submoduleSummary=false",
    "-c", "status.renames=false", "-c", "status.showUntrackedFiles=normal",
)  # fmt: skip
_DROPPED = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_NAMESPACE", "GIT_EXTERNAL_DIFF")


@dataclass(frozen=True, slots=True)
class Repository:
    """A git repository as seen from a folder: `top` is "" for a bare one, `prefix` leads from `top` to the
    folder (forward slashes, ends with one unless empty)."""

    folder: Path
    top: str
    prefix: str


def environment(config: Mapping[str, str] = MappingProxyType({})) -> dict[str, str]:
    """The environment without what would redirect git, with what keeps it from acting, and `config`."""
    kept = {name: value for name, value in os.environ.items() if name not in _DROPPED}
    count = int(kept.get("GIT_CONFIG_COUNT") or 0)
    for number, (name, value) in enumerate(config.items(), count):
        kept |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    return kept | {
        "GIT_CONFIG_COUNT": str(count + len(config)),
        "GIT_ALLOW_PROTOCOL": "",  # a missing object must not be fetched: transports run commands
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
    }


def run(
    folder: Path, *arguments: str, config: Mapping[str, str] = MappingProxyType({})
) -> subprocess.CompletedProcess[bytes]:
    """One git command in `folder` under extra settings; the caller judges its exit code."""
    try:
        return subprocess.run(  # noqa: S603 - a fixed program, a list of arguments, no shell
            _command(folder, arguments), capture_output=True, env=environment(config), check=False
        )
    except FileNotFoundError as error:
        raise CasewayError("git is not installed", code="no-git", hint="install git") from error


def _command(folder: Path, arguments: Sequence[str]) -> list[str]:
    return ["git", "-C", str(folder), *_SAFE, *arguments]


def repository(folder: Path) -> Repository | None:
    """The repository around `folder`, None when there is none that git would use."""
    answer = run(folder, "rev-parse", "--is-bare-repository", "--show-cdup", "--show-prefix")
    if answer.returncode != 0:
        return None
    bare, _, rest = os.fsdecode(answer.stdout).partition("\n")
    if bare == "true":
        return Repository(folder, "", "")
    up, _, prefix = rest.partition("\n")
    if up.startswith("/") or not rest:  # core.worktree points elsewhere: not this folder's repository
        return None
    prefix = prefix.removesuffix("\n")
    inside = Path(os.path.realpath(folder))
    return Repository(folder, os.path.normpath(inside / up), prefix)


def distrust(folder: Path) -> str:
    """Why git refuses to look at `folder`, "" when it does not."""
    answer = run(folder, "rev-parse", "--git-dir")
    text = answer.stderr.decode("utf-8", "replace")
    return "its owner is another user" if answer.returncode != 0 and "dubious ownership" in text else ""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the repo's configuration makes necessary: settings that switch its filters off; is it sparse?"""

    config: Mapping[str, str]
    is_sparse: bool


def settings(folder: Path) -> Settings:
    """The settings under which `git status` is safe in `folder`.

    It runs a file's clean filter when the file looks changed, and a filter is any command.
    """
    answer = run(folder, "config", "-z", "--get-regexp", r"^(filter\..*|core\.sparsecheckout)$")
    config: dict[str, str] = {}
    is_sparse = False
    for entry in os.fsdecode(answer.stdout).split("\0"):
        name, _, value = entry.partition("\n")
        if name.startswith("filter."):
            driver = name[: name.rindex(".")]
            config |= {f"{driver}.clean": "", f"{driver}.smudge": "", f"{driver}.process": ""}
            config[f"{driver}.required"] = "false"
        elif name:
            is_sparse = value.lower() not in {"false", "no", "off", "0"}
    return Settings(config, is_sparse)


def resolve(folder: Path, ref: str) -> str:
    """The full id of the commit `ref` names. Raises CasewayError."""
    answer = None
    if ref and not ref.startswith("-") and "\0" not in ref:
        answer = run(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", ref + "^{commit}")
    if answer is None or answer.returncode != 0:
        hint = "name a commit, branch or tag of this repository ('git branch --all' lists them)"
        reason = distrust(folder)
        message = f"there is no commit {quoted(ref)}" + (
            f": git does not trust the folder, {reason}" if reason else ""
        )
        raise CasewayError(message, code="no-such-ref", place=printable(str(folder)), hint=hint)
    return answer.stdout.decode("ascii").split()[-1]


def existing(folder: Path, commit: str, paths: Sequence[str]) -> frozenset[str]:
    """Those of `paths` (from the top of the repository) that are files in `commit`."""
    answer = run(folder, "ls-tree", "-z", "--full-tree", "--name-only", commit, "--", *paths)
    return frozenset(os.fsdecode(answer.stdout).split("\0")) & frozenset(paths)


def commit_source(folder: Path, commit: str, ref: str, *, dirty: bool = False) -> Source:
    """Who wrote `commit`, and why. Nothing is verified: `git log` would start the signature program."""
    answer = run(folder, "cat-file", "commit", commit)
    head, _, message = answer.stdout.decode("utf-8", "replace").partition("\n\n")
    author = next((line[7:] for line in head.split("\n") if line.startswith("author ")), "")
    return Source(
        commit=commit,
        dirty=dirty,
        author=printable(author.rpartition(">")[0] + ">") if ">" in author else "",
        message="\n".join(printable(line) for line in message.strip().split("\n"))[:MESSAGE_LENGTH],
        ref=printable(ref),
    )


@dataclass(frozen=True, slots=True)
class Status:
    """The work tree beside HEAD. `commit` is "" before the first one; `branch` "" when HEAD is detached."""

    commit: str
    branch: str
    is_clean: bool


def status(folder: Path, config: Mapping[str, str]) -> Status | None:
    """How the work tree below `folder` stands beside HEAD; None outside a work tree."""
    words = (
        "--porcelain=v2",
        "--branch",
        "-z",
        "--untracked-files=normal",
        "--ignore-submodules=all",
        "--",
        ".",
    )
    answer = run(folder, "status", *words, config=config)
    if answer.returncode != 0:
        return None
    commit = branch = ""
    is_clean = True
    for entry in answer.stdout.split(b"\0"):
        if entry.startswith(b"# branch.oid "):
            commit = os.fsdecode(entry[13:])
        elif entry.startswith(b"# branch.head "):
            branch = os.fsdecode(entry[14:])
        elif entry and not entry.startswith(b"# "):
            is_clean = False
    return Status("" if commit == "(initial)" else commit, "" if branch == "(detached)" else branch, is_clean)


def read_blobs(folder: Path, ids: Sequence[str], *, longest: int | None = None) -> Iterator[bytes | None]:
    """The content of each object in order, None for one that is not there, or is longer than `longest`; one
    process for all."""
    with subprocess.Popen(  # noqa: S603 - a fixed program, a list of arguments, no shell
        _command(folder, ("cat-file", "--batch")),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment(),
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for start in range(0, len(ids), _BATCH):
            batch = ids[start : start + _BATCH]
            process.stdin.write("".join(f"{each}\n" for each in batch).encode("ascii"))
            process.stdin.flush()
            for _ in batch:
                head = process.stdout.readline().split()
                if len(head) != 3:
                    yield None
                    continue
                size = int(head[2])
                if longest is not None and size > longest:
                    _pass_over(process.stdout, size + 1)
                    yield None
                    continue
                yield process.stdout.read(size + 1)[:size]
        process.stdin.close()


def _pass_over(stream: IO[bytes], size: int) -> None:
    while size > 0:
        size -= len(stream.read(min(size, _PORTION))) or size
