"""How long until an execution has run: cold, warm and local, beside bare `docker run` and `docker exec`.

Run with an engine and the default runtime (caseway runtime base): python benchmarks/containers/dispatch.py"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import caseway_runner as runner
from caseway.containers.base import DEFAULT_TAG
from caseway.containers.engine import Engine, address_from
from caseway.containers.executor import ContainerExecutor
from caseway.containers.job import Job, Place
from caseway.containers.sandbox import MB, Network, Resources, Sandbox
from caseway.containers.warmth import Mode, Warmth

ROUNDS = int(os.environ.get("ROUNDS", "20"))
IMAGE = os.environ.get("IMAGE", DEFAULT_TAG)
DOCUMENT = {
    "document": {"dsl": "1.0.3", "namespace": "bench", "name": "noop", "version": "1.0.0"},
    "do": [{"one": {"set": {"twice": "${ .n * 2 }"}}}],
}
PYTHON = ["python3", "-c", "print(1)"]


def timed(work: Callable[[], object]) -> list[float]:
    """Milliseconds of each round."""
    taken = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        taken.append((time.perf_counter() - began) * 1000)
    return taken


def docker(*words: str) -> None:
    subprocess.run(["docker", *words], check=True, capture_output=True)


def bare_run() -> list[float]:
    return timed(
        lambda: docker("run", "--rm", "--network", "none", "--entrypoint", "python3", IMAGE, *PYTHON[1:])
    )


def bare_exec() -> list[float]:
    docker(
        "run",
        "-d",
        "--init",
        "--name",
        "bench-exec",
        "--network",
        "none",
        "--entrypoint",
        "sleep",
        IMAGE,
        "600",
    )
    try:
        return timed(lambda: docker("exec", "bench-exec", *PYTHON))
    finally:
        docker("rm", "-f", "bench-exec")


def ours(warmth: Warmth, pause: float = 0.0) -> list[float]:
    """Milliseconds of each round, `pause` seconds after the one before: a warm container gets a fresh helper
    for expressions after each execution, and who comes at once waits for it."""
    sandbox = Sandbox(IMAGE, Resources(cpus=2.0, memory_bytes=256 * MB), Network.NONE)
    place = Place(sandbox, "bench", warmth)

    async def run() -> list[float]:
        taken = []
        async with ContainerExecutor(Engine(address_from(os.environ))) as executor:
            for number in range(ROUNDS + 1):
                job = Job(DOCUMENT, {"n": number}, runner.Execution(f"run-{number}"), place)
                began = time.perf_counter()
                await executor.execute(job, runner.Ports())
                taken.append((time.perf_counter() - began) * 1000)
                await executor.settle()
                await asyncio.sleep(pause)
        return taken[1:]  # the first connects, and warms what is to be warm

    return asyncio.run(run())


def local() -> list[float]:
    async def run() -> list[float]:
        program, taken = runner.compile_workflow(DOCUMENT), []
        for number in range(ROUNDS):
            began = time.perf_counter()
            await runner.execute(program, {"n": number}, runner.Execution(f"run-{number}"), runner.Ports())
            taken.append((time.perf_counter() - began) * 1000)
        return taken

    return asyncio.run(run())


def main() -> None:
    rows = {
        "`docker run`, python3 -c": bare_run(),
        "`docker exec`, python3 -c": bare_exec(),
        "an execution, cold": ours(Warmth()),
        "an execution, warm": ours(Warmth(Mode.IDLE_SHUTDOWN), 0.5),
        "an execution, warm, at once after another": ours(Warmth(Mode.IDLE_SHUTDOWN)),
        "an execution, local": local(),
    }
    base = statistics.median(rows["`docker run`, python3 -c"])
    sys.stdout.write("| | p50 | least | most | beside `docker run` |\n| --- | --- | --- | --- | --- |\n")
    for name, taken in rows.items():
        middle = statistics.median(taken)
        ends = f"{min(taken):.1f} ms | {max(taken):.1f} ms"
        sys.stdout.write(f"| {name} | {middle:.1f} ms | {ends} | {middle / base:.3f} x |\n")


if __name__ == "__main__":
    main()
