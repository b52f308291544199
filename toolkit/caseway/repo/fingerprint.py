"""Whether a tree is exactly a commit, found out with git alone.

Rule: this is what stands between a command and reading everything, so it imports next to nothing and asks
git no more than `git status` itself does.
"""

from __future__ import annotations

from pathlib import Path

from caseway.model.errors import CasewayError
from caseway.repo import git


def read_fingerprint(path: Path | str, ref: str | None = None) -> str:
    """What identifies everything that reading `path` would see: the commit and the folder in it. "" when that
    cannot be told cheaply: outside git, with changes or untracked files, or when the checkout is sparse.

    Files that `git update-index --assume-unchanged` hides count as unchanged, as they do for git.
    """
    folder = Path(path).resolve()
    folder = folder if folder.is_dir() else folder.parent
    repository = git.repository(folder)
    if repository is None:
        return ""
    if ref is not None:
        try:
            return f"{git.resolve(folder, ref)}:{repository.prefix}"
        except CasewayError:
            return ""
    settings = git.settings(folder)
    if not repository.top or settings.is_sparse:
        return ""
    status = git.status(folder, settings.config)
    return f"{status.commit}:{repository.prefix}" if status and status.commit and status.is_clean else ""
