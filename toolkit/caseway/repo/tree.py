"""The files of a project's tree: of a folder on disk, or of any commit.

Rule: a tree answers only for paths it lists itself, so nothing outside of it can be named. Both trees follow
a symbolic link only to a file they list, and see the same files for the same commit.
"""

from __future__ import annotations

import os
import posixpath
import stat
import tempfile
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

from caseway.model.desired import Source
from caseway.model.errors import CasewayError
from caseway.repo import git
from caseway.repo.limits import FILE_BYTES, LINK_HOPS
from caseway.repo.quote import quoted

_BLOCK, _SMALL = 256, 200_000  # so many files of at most so many bytes are read ahead
_LONGEST_LINK = 4096


class FileId(NamedTuple):
    """What identifies a file's content without reading it. `blob` is git's id of the content, "" when that is
    not known; `stamp` stands for (device, inode, size, times) of a file on disk, "" in a commit."""

    size: int
    blob: str = ""
    stamp: str = ""
    is_link: bool = False
    is_tracked: bool = True


class UnreadableError(Exception):
    """One file cannot be read; `code` is that of the finding."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.hint = code, message, hint


class Tree(Protocol):
    """Paths are relative to the tree's root, with forward slashes. `prefix` leads there from the top."""

    prefix: str

    def files(self) -> Mapping[str, FileId]:
        """Every file that git does not ignore."""
        ...

    def read(self, path: str) -> bytes:
        """The content of one listed file. Raises UnreadableError."""
        ...

    def read_all(self, paths: Iterable[str]) -> Iterator[tuple[str, bytes | UnreadableError]]:
        """The content of many listed files, in the order of `paths`."""
        ...

    def source(self) -> Source:
        """Where the tree comes from."""
        ...


def real_path(files: Mapping[str, FileId], path: str, target: Callable[[str], str]) -> str:
    """The listed file behind the link at `path`. `target` gives a link's text. Raises UnreadableError.

    Links are followed over the listing alone: what is not listed does not exist, whatever the disk says.
    """
    start = path
    for _ in range(LINK_HOPS):
        if not files[path].is_link:
            return path
        text = target(path)
        path = posixpath.normpath(posixpath.join(posixpath.dirname(path), text))
        if text.startswith("/") or path.startswith("../") or path not in files:
            message = f"the symbolic link {quoted(start)} does not lead to a file of this project"
            raise UnreadableError(
                "CW114", message, "replace the link by a copy, or link to a file of the project"
            )
    raise UnreadableError(
        "CW114", f"the symbolic link {quoted(start)} leads in circles", "replace it by a file"
    )


def too_large(path: str, size: int) -> UnreadableError:
    """The refusal of a file beyond the bound."""
    message = f"{quoted(path)} has {size / 1e6:.0f} MB, at most {FILE_BYTES // 1_000_000} are read"
    return UnreadableError("CW107", message, "split it, or exclude it in caseway.yaml (spec.exclude)")


class WorkTree:
    """The folder `root` as it is on disk, in git or not."""

    def __init__(self, root: Path) -> None:
        self.root = Path(os.path.realpath(root))
        self.repository = git.repository(self.root)
        self.distrust = "" if self.repository else git.distrust(self.root)
        self.prefix = self.repository.prefix if self.repository else ""
        self._files: dict[str, FileId] | None = None
        self._folders: dict[str, bool] = {"": True}

    def files(self) -> Mapping[str, FileId]:
        """Tracked files that exist, and untracked ones that are not ignored."""
        if self._files is None:
            self._files = {}
            for path, is_tracked in self._listed():
                found = self._look(path, is_tracked)
                if found is not None:
                    self._files[path] = found
        return self._files

    def _listed(self) -> Iterator[tuple[str, bool]]:
        words = ("ls-files", "-z", "-t", "--others", "--exclude-standard")
        if self.repository is not None:
            answer = git.run(self.root, *words, "--cached", "--deduplicate")
        else:
            with tempfile.TemporaryDirectory(prefix="caseway-") as folder:
                for name in ("objects", "refs"):
                    (Path(folder) / name).mkdir()
                (Path(folder) / "HEAD").write_text("ref: refs/heads/none\n")
                answer = git.run(self.root, f"--git-dir={folder}", f"--work-tree={self.root}", *words)
        if answer.returncode != 0:
            reason = answer.stderr.decode("utf-8", "replace").strip()
            raise CasewayError(
                f"git cannot list the files: {quoted(reason, 200)}", code="git", place=str(self.root)
            )
        for entry in os.fsdecode(answer.stdout).split("\0"):
            if entry and not entry.endswith("/"):  # a trailing slash is a repository inside this one
                yield entry[2:], entry[0] != "?"

    def _look(self, path: str, is_tracked: bool) -> FileId | None:
        if not self._is_own_folder(posixpath.dirname(path)):
            return None
        try:
            found = os.lstat(f"{self.root}/{path}")
        except OSError:  # deleted, or not ours to see
            return None
        if stat.S_ISDIR(found.st_mode):  # a submodule
            return None
        stamp = f"{found.st_dev}:{found.st_ino}:{found.st_size}:{found.st_mtime_ns}:{found.st_ctime_ns}"
        return FileId(found.st_size, "", stamp, stat.S_ISLNK(found.st_mode), is_tracked)

    def _is_own_folder(self, folder: str) -> bool:
        """Whether `folder` is reached from the root through real folders only."""
        known = self._folders.get(folder)
        if known is None:
            known = self._is_own_folder(posixpath.dirname(folder))
            try:
                known = known and stat.S_ISDIR(os.lstat(f"{self.root}/{folder}").st_mode)
            except OSError:
                known = False
            self._folders[folder] = known
        return known

    def read(self, path: str) -> bytes:
        """The content of one listed file, never of anything but a regular file."""
        found = self.files()[path]
        if found.is_link:
            path = real_path(self.files(), path, self._link_text)
        try:
            handle = os.open(
                f"{self.root}/{path}", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            )
        except OSError as error:
            raise UnreadableError("CW100", f"{quoted(path)} cannot be read: {error.strerror}") from error
        try:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                raise UnreadableError("CW100", f"{quoted(path)} is no regular file", "remove it")
            if status.st_size > FILE_BYTES:
                raise too_large(path, status.st_size)
            return _content(handle, status.st_size)
        except OSError as error:
            raise UnreadableError("CW100", f"{quoted(path)} cannot be read: {error.strerror}") from error
        finally:
            os.close(handle)

    def read_all(self, paths: Iterable[str]) -> Iterator[tuple[str, bytes | UnreadableError]]:
        """One file after the other."""
        for path in paths:
            try:
                yield path, self.read(path)
            except UnreadableError as error:
                yield path, error

    def _link_text(self, path: str) -> str:
        try:
            return os.readlink(f"{self.root}/{path}")  # noqa: PTH115 - a Path would normalise the name
        except OSError:
            return "/"

    def source(self) -> Source:
        """HEAD, and whether the folder differs from it."""
        if self.repository is None or not self.repository.top:
            return Source()
        status = git.status(self.root, git.settings(self.root).config)
        if status is None or not status.commit:
            return Source(dirty=True)
        ref = f"refs/heads/{status.branch}" if status.branch else ""
        return git.commit_source(self.root, status.commit, ref, dirty=not status.is_clean)


def _content(handle: int, size: int) -> bytes:
    """What a file of about `size` bytes holds, up to the bound; a file object would take twice as long."""
    content = os.read(handle, size + 1)
    if len(content) == size:
        return content
    while len(content) <= FILE_BYTES and (more := os.read(handle, FILE_BYTES + 1 - len(content))):
        content += more
    return content


class GitTree:
    """The folder `subdir` of the commit that `ref` names."""

    def __init__(self, repo: Path, ref: str, subdir: str = "") -> None:
        self.repo = repo
        self.ref = ref
        self.commit = git.resolve(repo, ref)
        self.prefix = subdir.strip("/") + "/" if subdir.strip("/") else ""
        self._files: dict[str, FileId] | None = None
        self._order: list[str] | None = None
        self._near: dict[str, bytes | UnreadableError] = {}
        self._texts: dict[str, str] | None = None

    def files(self) -> Mapping[str, FileId]:
        """Every file of the commit below the folder."""
        if self._files is None:
            where = f"{self.commit}:{self.prefix.rstrip('/')}"
            answer = git.run(self.repo, "ls-tree", "-r", "-z", "-l", "--full-tree", where)
            if answer.returncode != 0:
                message = f"the commit {self.commit[:12]} has no folder {quoted(self.prefix)}"
                raise CasewayError(
                    message, code="no-such-path", hint="give a path that exists in that commit"
                )
            self._files = dict(_tree_entries(os.fsdecode(answer.stdout)))
        return self._files

    def read(self, path: str) -> bytes:
        """The content of one listed file. Its neighbours come with it: a process for each would be slow."""
        if path not in self._near:
            self._near = dict(self.read_all(self._neighbours(path)))
        found = self._near[path]
        if isinstance(found, UnreadableError):
            raise found
        return found

    def _neighbours(self, path: str) -> list[str]:
        if self._order is None:
            self._order = sorted(self.files())
        start = bisect_left(self._order, path)
        following = self._order[start + 1 : start + _BLOCK]
        return [path, *(each for each in following if self.files()[each].size <= _SMALL)]

    def read_all(self, paths: Iterable[str]) -> Iterator[tuple[str, bytes | UnreadableError]]:
        """All through one process."""
        wanted = [(path, self._blob(path)) for path in paths]
        contents = git.read_blobs(self.repo, [blob for _, blob in wanted if isinstance(blob, str)])
        for path, blob in wanted:
            if isinstance(blob, UnreadableError):
                yield path, blob
                continue
            content = next(contents, None)
            gone = UnreadableError("CW100", f"git has lost the content of {quoted(path)}", "run 'git fsck'")
            yield path, gone if content is None else content

    def _blob(self, path: str) -> str | UnreadableError:
        files = self.files()
        try:
            found = files[real_path(files, path, self._link_text) if files[path].is_link else path]
        except UnreadableError as error:
            return error
        return too_large(path, found.size) if found.size > FILE_BYTES else found.blob

    def _link_text(self, path: str) -> str:
        if self._texts is None:
            files = self.files()
            links = [path for path, found in files.items() if found.is_link and found.size < _LONGEST_LINK]
            contents = git.read_blobs(self.repo, [files[path].blob for path in links])
            self._texts = {
                path: os.fsdecode(text or b"/") for path, text in zip(links, contents, strict=True)
            }
        return self._texts.get(path, "/")

    def source(self) -> Source:
        """The commit."""
        return git.commit_source(self.repo, self.commit, self.ref)


def _tree_entries(text: str) -> Iterator[tuple[str, FileId]]:
    for entry in text.split("\0"):
        head, _, path = entry.partition("\t")
        mode, kind, blob, size = head.split() if head else ("", "", "", "")
        if kind == "blob":
            known = int(size) if size.isdecimal() else 0  # "BAD" for an object that git has lost
            yield path, FileId(known, blob, "", is_link=mode == "120000")
