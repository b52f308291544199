"""From saving one workflow file to its being live, in a project of N use cases, watched for real.

    python benchmarks/watch.py [--use-cases 1000] [--saves 30]

The project is made by generate_repo.py; a thread saves a file, `caseway watch`'s own loop hears of it through
the file system, validates, plans, deploys; the clock stops when the new text is what the store serves."""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from caseway.delivery.watch import Watch, WatchRequest
from caseway.delivery.watch_files import changes
from caseway.model.access import local
from caseway.operations.local_client import LocalClient
from caseway.platform.compose import open_platform
from caseway.targets.registry import TARGETS


def main() -> None:
    """Measure, and print the median and the worst."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--use-cases", type=int, default=1000)
    parser.add_argument("--saves", type=int, default=30)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="caseway-watch-") as folder:
        os.environ["XDG_CACHE_HOME"] = f"{folder}/cache"
        root = Path(folder).resolve() / "project"
        script = Path(__file__).with_name("generate_repo.py")
        subprocess.run([sys.executable, str(script), str(root), str(options.use_cases), "--git"], check=True)
        measure(root, options.saves)


def measure(root: Path, saves: int) -> None:
    """Watch `root` and save one of its workflows again and again."""
    stop, saved_at, seconds, inside = threading.Event(), [0.0], [], []
    files = sorted(root.glob("use-cases/*/workflows/handle.yaml"))
    with open_platform(f"sqlite:///{root}/.caseway/state.db", targets=TARGETS) as platform:
        watch = Watch(LocalClient(platform, local("acme", "bench")), WatchRequest(root))
        began = time.perf_counter()
        outcome = watch.begin()
        print(f"begin: {outcome and outcome.status}, {time.perf_counter() - began:.1f} s")

        def save() -> None:
            file = files[len(seconds) * 7 % len(files)]
            text = file.read_text().replace("status: done", f"status: done-{len(seconds)}", 1)
            saved_at[0] = time.perf_counter()
            file.write_text(text + f"# {len(seconds)}\n")

        threading.Timer(1.0, save).start()
        for paths in changes(root, stop):
            outcome = watch.changed(paths)
            if outcome is None:
                continue
            seconds.append(time.perf_counter() - saved_at[0])
            inside.append(outcome.seconds)
            assert outcome.status == "live", outcome
            if len(seconds) == saves:
                stop.set()
            else:
                threading.Timer(0.3, save).start()
    for name, values in (("save to live", seconds), ("of it inside", inside)):
        worst, median = max(values) * 1000, statistics.median(values) * 1000
        print(f"{name}: median {median:.0f} ms, worst {worst:.0f} ms, of {len(values)}")


if __name__ == "__main__":
    main()
