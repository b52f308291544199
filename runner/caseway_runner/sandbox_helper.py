"""The helper process of the sandbox: reads one request a line, answers one line, until its input ends.

Run as a file with: the folder of jq, bytes of memory, seconds, bytes of a result. It kills itself by alarm
when an evaluation overruns, so that it dies even when its parent is gone. The seconds are those in which it
computes: what a busy machine lets it wait does not count."""

from __future__ import annotations

import json
import resource
import signal
import sys
from functools import lru_cache
from typing import Any


@lru_cache(maxsize=128)
def _compiled(program: str) -> Any:
    return jq.compile(program)


def _answer(request: dict[str, Any], result_bytes: int) -> str:
    try:
        if "check" in request:
            return json.dumps({"error": _check(request["check"], request["arguments"])})
        results = []
        size = 0
        for value in _compiled(request["program"]).input_text(request["text"]):
            text = json.dumps(value)
            size += len(text) + 32  # a list slot and an object cost memory too
            if size > result_bytes:
                return json.dumps({"failure": f"produced more than {result_bytes} bytes"})
            results.append(text)
        return '{"results": [' + ", ".join(results) + "]}"
    except (ValueError, RecursionError) as error:
        return json.dumps({"failure": str(error)[:2000]})
    except MemoryError:
        return json.dumps({"failure": "used too much memory"})


def _check(program: str, arguments: list[str]) -> str:
    try:
        jq.compile(program, args=dict.fromkeys(arguments))
    except ValueError as error:
        return str(error)
    return ""


def serve(memory_bytes: int, seconds: float, result_bytes: int) -> None:
    """Answer requests until stdin ends. Never returns early: an overrun ends the process."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for line in sys.stdin.buffer:
        signal.setitimer(signal.ITIMER_PROF, seconds)
        answer = _answer(json.loads(line), result_bytes)
        signal.setitimer(signal.ITIMER_PROF, 0)
        sys.stdout.buffer.write(answer.encode() + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.path.append(sys.argv[1])
    import jq  # type: ignore[import-not-found]  # ships no type information

    serve(int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]))
