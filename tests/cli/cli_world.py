"""What the command line's tests share."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Said:
    """What one call of the command line left."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """stdout as JSON: it must hold nothing else."""
        return json.loads(self.out)


Caseway = Callable[..., Said]


def git(folder: Path, *words: str) -> str:
    """One git command in `folder`; what it said."""
    answer = subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, text=True)
    return answer.stdout.strip()


def commit(folder: Path, message: str) -> str:
    """Commit everything; the commit's id."""
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", message)
    return git(folder, "rev-parse", "HEAD")


def edit(file: Path, before: str, after: str) -> None:
    """Replace what must be there."""
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after))
