"""Fetches a repository that a project is pulled from: shallow, into a cache, with nothing of it run.

The one rule: an address is what it looks like. No transport but https, ssh and file, no option in disguise,
no redirect, no helper; a token travels in the environment, never on a command line."""

from __future__ import annotations

import base64
import hashlib
import os
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

from caseway.model.errors import CasewayError
from caseway.platform.pulling import Secrets
from caseway.platform.pulling_url import check_url
from caseway.repo.quote import printable

SECONDS = 300
_DROPPED = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_PROXY_COMMAND")


@dataclass(frozen=True, slots=True)
class Heads:
    """What a remote has: commits by full ref name, and the ref that HEAD stands for ("" when detached)."""

    commits: Mapping[str, str]
    default: str


def heads(cache: Path, url: str, secrets: Secrets) -> Heads:
    """What the remote has now; `cache` remembers the ssh hosts that were seen."""
    with _environment(cache, url, secrets) as environment:
        words = ("ls-remote", "--symref", "--", url, "HEAD", "refs/heads/*", "refs/tags/*")
        text = _git(None, words, environment)
    commits: dict[str, str] = {}
    default = ""
    for line in text.splitlines():
        first, _, name = line.partition("\t")
        if first.startswith("ref: ") and name == "HEAD":
            default = first.removeprefix("ref: ")
        elif name.endswith("^{}"):
            commits[name.removesuffix("^{}")] = first  # what an annotated tag stands for
        elif name != "HEAD":
            commits.setdefault(name, first)
    return Heads(commits, default)


def fetch(cache: Path, url: str, secrets: Secrets, refs: list[str]) -> Path:
    """A bare repository below `cache` that holds `refs` as the remote has them now, one commit deep each."""
    folder = cache / (hashlib.sha256(url.encode()).hexdigest()[:32] + ".git")
    with _environment(cache, url, secrets) as environment:
        if not (folder / "HEAD").exists():
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            _git(None, ("init", "--bare", "--quiet", "--template=", "--", str(folder)), environment)
        specs = [f"+{ref}:{ref}" for ref in refs]
        words = (
            "fetch", "--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head",
            "--update-head-ok", "--", url, *specs,
        )  # fmt: skip
        _git(folder, words, environment)
    return folder


def _git(folder: Path | None, words: tuple[str, ...], environment: Mapping[str, str]) -> str:
    command = ["git", *(("-C", str(folder)) if folder else ()), *words]
    try:
        answer = subprocess.run(  # noqa: S603 - a fixed program, a list of arguments, no shell
            command,
            capture_output=True,
            env=environment,
            check=False,
            timeout=SECONDS,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired as error:
        raise CasewayError(f"git took longer than {SECONDS} s", code="git-fetch", hint="try again") from error
    except FileNotFoundError as error:
        raise CasewayError("git is not installed", code="no-git", hint="install git") from error
    if answer.returncode != 0:
        said = printable(answer.stderr.decode("utf-8", "replace").strip()[-600:].replace("\n", " "))
        hint = "check the address, and the token or key that fetches"
        raise CasewayError(f"git cannot fetch: {said}", code="git-fetch", hint=hint)
    return answer.stdout.decode("utf-8", "replace")


@contextmanager
def _environment(cache: Path, url: str, secrets: Secrets) -> Iterator[dict[str, str]]:
    """What git is started with: no configuration of the machine's user, only the transports allowed."""
    check_url(url)
    config = {
        "core.hooksPath": "/dev/null",
        "core.fsmonitor": "false",
        "credential.helper": "",
        "http.followRedirects": "false",
        "http.lowSpeedLimit": "1000",
        "http.lowSpeedTime": "30",
        "protocol.allow": "never",
        **{f"protocol.{name}.allow": "always" for name in ("https", "http", "ssh", "file")},
        "transfer.fsckObjects": "true",
        "safe.directory": "*",  # whose a file remote is was decided when it was registered
    }
    if secrets.token and url.startswith("http"):
        basic = base64.b64encode(f"x-access-token:{secrets.token}".encode()).decode()
        config[f"http.{url}.extraHeader"] = f"Authorization: Basic {basic}"
    kept = {name: value for name, value in os.environ.items() if name not in _DROPPED}
    for number, (name, value) in enumerate(config.items()):
        kept |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    kept |= {
        "GIT_CONFIG_COUNT": str(len(config)),
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_ALLOW_PROTOCOL": "https:http:ssh:file",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "true",
        "LC_ALL": "C",
    }
    with NamedTemporaryFile("w", prefix="caseway-key-", suffix="", delete=True) as file:  # mode 0600
        cache.mkdir(parents=True, exist_ok=True, mode=0o700)
        known = shlex.quote(f'UserKnownHostsFile="{cache.absolute()}/known_hosts" ~/.ssh/known_hosts')
        ssh = f"ssh -o BatchMode=yes -o StrictHostKeyChecking=accept-new -o ConnectTimeout=20 -o {known}"
        if secrets.key:
            file.write(secrets.key.rstrip("\n") + "\n")
            file.flush()
            ssh += f" -o IdentitiesOnly=yes -i {file.name}"
        yield kept | {"GIT_SSH_COMMAND": ssh}
