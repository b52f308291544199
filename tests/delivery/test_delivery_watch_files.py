"""What is heard of files: each save once, a burst and a branch switch as a whole."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from caseway.delivery.watch_files import MANY, changes, is_at_work, settled
from delivery.git_world import a_clone, commit, git
from delivery.watched import a_project, a_workflow

ENOUGH = 120.0  # seconds after which something hangs


class Hearing:
    """Hears of a folder in a thread of its own."""

    def __init__(self, root: Path) -> None:
        self.heard: queue.Queue[set[Path]] = queue.Queue()
        self._stop, self._ready = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._go, args=(root,), daemon=True)
        self._thread.start()
        assert self._ready.wait(ENOUGH)

    def _go(self, root: Path) -> None:
        for paths in changes(root, self._stop, self._ready.set):
            self.heard.put(paths)

    def next(self) -> set[Path]:
        """What is heard of next."""
        return self.heard.get(timeout=ENOUGH)

    def until(self, path: Path) -> set[Path]:
        """Everything heard of up to that file."""
        every: set[Path] = set()
        while path not in every:
            every |= self.next()
        return every

    def until_all(self, paths: set[Path]) -> None:
        """Hear of all of them, in however many parts."""
        missing = set(paths)
        while missing:
            missing -= self.next()

    def end(self) -> None:
        """Hear no more."""
        self._stop.set()
        self._thread.join(ENOUGH)
        assert not self._thread.is_alive()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = a_project(
        a_clone(tmp_path / "work", "nowhere"), *(f"case-{number}" for number in range(MANY + 5))
    )
    commit(folder)
    return folder.resolve()


@pytest.fixture
def hearing(root: Path) -> Iterator[Hearing]:
    made = Hearing(root)
    yield made
    made.end()


def test_a_save_is_heard_of(root: Path, hearing: Hearing) -> None:
    file = a_workflow(root, "case-1", "changed")
    assert hearing.next() == {file}


def test_an_editor_that_saves_by_renaming_is_heard_of(root: Path, hearing: Hearing) -> None:
    file = root / "use-cases/case-1/workflows/main.yaml"
    made = file.with_name("main.yaml.new")
    made.write_text(file.read_text().replace("hello", "renamed"))
    made.replace(file)
    assert file in hearing.until(file)


def test_every_file_of_a_branch_switch_is_heard_of(root: Path, hearing: Hearing) -> None:
    git(root, "checkout", "-q", "-b", "other")
    files = {a_workflow(root, f"case-{number}", "other") for number in range(MANY + 5)}
    commit(root)
    hearing.until_all(files)
    git(root, "checkout", "-q", "main")
    hearing.until_all(files)


def test_a_branch_switch_is_told_as_a_whole(root: Path) -> None:
    """However slowly the machine hears of it: as long as git holds its lock, nothing is told."""
    lock = root / ".git/index.lock"
    one, two, three = ({root / name} for name in ("one", "two", "three"))

    def heard() -> Iterator[set[Path]]:
        yield set()
        lock.write_text("")
        yield from (one, set(), two, set())
        lock.unlink()
        yield three

    assert list(settled(heard(), lambda: is_at_work(root))) == [one | two | three]


def test_a_burst_is_told_when_it_is_over() -> None:
    many = [{Path(f"{number}")} for number in range(MANY * 2)]
    burst, rest = set().union(*many[: MANY - 1]), set().union(*many[MANY - 1 :])
    told = list(settled([burst, rest, set(), {Path("late")}], lambda: False))
    assert told == [burst, rest, {Path("late")}]
    assert list(settled([set().union(*many), {Path("more")}, set()], lambda: False)) == [
        set().union(*many, {Path("more")})
    ]


def test_gits_and_caseways_own_files_are_not_told_of(root: Path, hearing: Hearing) -> None:
    (root / ".caseway").mkdir()
    (root / ".caseway/state.db").write_text("x")
    (root / ".git/description").write_text("x")
    (root / "main.yaml.swp").write_text("x")
    file = a_workflow(root, "case-1", "changed")
    assert hearing.until(file) == {file}


def test_what_was_saved_while_git_was_at_work_is_told_after(root: Path, hearing: Hearing) -> None:
    lock = root / ".git/index.lock"
    lock.write_text("")
    files = {a_workflow(root, "case-1", "changed"), a_workflow(root, "case-2", "changed")}
    assert hearing.heard.empty()
    lock.unlink()
    hearing.until_all(files)
