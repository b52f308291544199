"""Validate, apply and plan at several sizes, beside `git status` and check-jsonschema on the same files.

    python benchmarks/plan.py [--sizes 100,1000,10000] [--times 5]

Everything runs on one core. *Cold* means that Caseway's cache is empty, *warm* that it is not.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from generate_repo import generate
from measure import Command, Measurement, in_words, machine, measure, pin_to_one_core, table

BIN = Path(sys.executable).parent
SCHEMAS = Path(__file__).parents[1] / "schemas"
FILES = (
    ("use-case", "use-cases/*/usecase.yaml"),
    ("workflow", "use-cases/*/workflows/*.yaml"),
    ("workflow-test", "use-cases/*/tests/*.yaml"),
    ("instance", "instances/*.yaml"),
)


@dataclass(frozen=True)
class Bench:
    """One generated repository, with a cache and a database of its own."""

    size: int
    repo: Path
    cache: Path
    state: Path
    times: int

    def caseway(self, name: str, *words: str, codes: tuple[int, ...] = (0,)) -> Command:
        """A `caseway` command in the repository."""
        environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("CASEWAY_")},
            "XDG_CACHE_HOME": str(self.cache),
            "CASEWAY_DATABASE_URL": f"sqlite:///{self.state / 'state.db'}",
        }
        return Command(name, (str(BIN / "caseway"), *words), self.repo, environment, codes)

    def forget(self) -> None:
        """Empty Caseway's cache."""
        shutil.rmtree(self.cache, ignore_errors=True)

    def forget_all(self) -> None:
        """Empty the platform too."""
        self.forget()
        shutil.rmtree(self.state, ignore_errors=True)
        self.state.mkdir()

    def edit(self) -> None:
        """Change one workflow, each time differently."""
        file = sorted(self.repo.glob("use-cases/*/workflows/*.yaml"))[0]
        file.write_text(file.read_text() + "# one more line\n")


def run(bench: Bench) -> Iterator[Measurement]:
    """Everything at one size, in the order in which a user meets it."""
    yield measure(Command("git status", ("git", "status"), bench.repo), times=max(bench.times, 5))
    yield measure(
        bench.caseway("validate, cold", "validate"), times=min(bench.times, 3), warm=0, before=bench.forget
    )
    yield measure(bench.caseway("validate, warm", "validate"), times=bench.times)
    yield _peer(bench)
    yield measure(bench.caseway("apply, cold", "apply", "--yes"), times=1, warm=0, before=bench.forget_all)
    yield measure(bench.caseway("plan, nothing to do", "plan", "--detailed-exitcode"), times=bench.times)
    changed = bench.caseway("plan, one file changed", "plan")
    yield measure(changed, times=bench.times, before=bench.edit)


def _peer(bench: Bench) -> Measurement:
    """check-jsonschema over the same files: one call for each kind, added up."""
    parts = []
    for kind, pattern in FILES:
        files = sorted(str(path.relative_to(bench.repo)) for path in bench.repo.glob(pattern))
        words = (str(BIN / "check-jsonschema"), "--schemafile", str(SCHEMAS / f"{kind}.schema.json"), *files)
        parts.append(measure(Command(kind, words, bench.repo), times=1, warm=0))
    return Measurement(
        "check-jsonschema",
        sum(part.wall for part in parts),
        sum(part.cpu for part in parts),
        max(part.peak for part in parts),
    )


def count_files(repo: Path) -> int:
    """How many files both validators read."""
    return sum(len(list(repo.glob(pattern))) for _, pattern in FILES)


def rows(measured: list[Measurement], size: int, files: int) -> Iterator[tuple[str, ...]]:
    """The table's rows: wall and processor time, ratio to `git status`, processor time a file, memory."""
    status = measured[0].cpu
    for item in measured:
        yield (
            f"{size:,}",
            f"`{item.name}`" if item.name == "git status" else item.name,
            in_words(item.wall),
            in_words(item.cpu),
            f"{item.cpu / status:.1f} x",
            f"{item.cpu / files * 1000:.3f} ms",
            f"{item.peak:.0f} MB",
        )


def main() -> None:
    """Measure all sizes and print one table, then the ratios that matter."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", default="100,1000,10000")
    parser.add_argument("--times", type=int, default=5)
    asked = parser.parse_args()
    pin_to_one_core()
    print(f"{machine()}\n")
    lines: list[tuple[str, ...]] = []
    verdicts = []
    for size in (int(text) for text in asked.sizes.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            bench = _prepared(Path(folder), size, asked.times)
            files = count_files(bench.repo)
            measured = [_told(size, item) for item in run(bench)]
        lines += rows(measured, size, files)
        verdicts.append(_verdict(size, files, {item.name: item for item in measured}))
    print(
        table(
            (
                "use cases",
                "what",
                "wall time",
                "processor time",
                "beside `git status`",
                "a file",
                "peak memory",
            ),
            lines,
        )
    )
    print()
    print("\n".join(verdicts))


def _told(size: int, item: Measurement) -> Measurement:
    """The same, once it is on stderr: a large size takes long, and what is measured should not be lost."""
    print(
        f"{size:,}: {item.name}: {in_words(item.wall)}, {in_words(item.cpu)} processor time", file=sys.stderr
    )
    return item


def _prepared(folder: Path, size: int, times: int) -> Bench:
    bench = Bench(size, folder / "repo", folder / "cache", folder / "state", times)
    generate(bench.repo, size, is_git=True)
    bench.state.mkdir()
    return bench


def _verdict(size: int, files: int, of: dict[str, Measurement]) -> str:
    plan, status = of["plan, nothing to do"], of["git status"]
    peer, cold = of["check-jsonschema"], of["validate, cold"]
    faster = (peer.cpu / cold.cpu, peer.wall / cold.wall)
    peak = max(item.peak for name, item in of.items() if name not in {"git status", "check-jsonschema"})
    return (
        f"- {size:,} use cases, {files:,} files: no-op plan {plan.cpu / status.cpu:.1f} x `git status` in "
        f"processor time ({plan.wall / status.wall:.1f} x in wall time); cold validate {faster[0]:.1f} x "
        f"faster than check-jsonschema ({faster[1]:.1f} x); Caseway's peak memory {peak:.0f} MB."
    )


if __name__ == "__main__":
    main()
