"""A real OpenSSH server on a free port of this machine, which lets one key in."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from free_ports import free_port

SECONDS = 120  # after which it does not start

CONFIG = """\
ListenAddress 127.0.0.1
Port PORT
HostKey FOLDER/host
AuthorizedKeysFile FOLDER/authorized
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
AcceptEnv GIT_PROTOCOL
"""


@dataclass(frozen=True)
class Ssh:
    """Where it listens, and the private key that is let in."""

    port: int
    key: str

    def url(self, path: Path) -> str:
        """The address of a repository."""
        return f"ssh://{getpass.getuser()}@127.0.0.1:{self.port}{path}"


def a_key(file: Path) -> str:
    """A new private key; its public part is beside it."""
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "tests", "-f", str(file)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return file.read_text()


@contextmanager
def ssh_server(folder: Path, *, port: int = 0, authorized: Path | None = None) -> Iterator[Ssh]:
    """The server, as long as the block; its keys are new."""
    program = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if program is None or shutil.which("ssh-keygen") is None:
        pytest.skip("sshd is not installed (Debian: openssh-server)")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where it separates its privileges
    folder.mkdir()
    a_key(folder / "host")
    key = a_key(folder / "key")
    shutil.copy(authorized or folder / "key.pub", folder / "authorized")
    port = port or free_port()
    (folder / "config").write_text(CONFIG.replace("PORT", str(port)).replace("FOLDER", str(folder)))
    with (folder / "log").open("w") as log:
        server = subprocess.Popen([program, "-D", "-e", "-f", str(folder / "config")], stderr=log)
    try:
        until = time.monotonic() + SECONDS
        while not _answers(port):
            assert server.poll() is None and time.monotonic() < until, (folder / "log").read_text()
            time.sleep(0.02)
        yield Ssh(port, key)
    finally:
        server.terminate()
        server.wait(timeout=SECONDS)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
