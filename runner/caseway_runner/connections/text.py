"""`call: template`: text from a Jinja2 template and values, in a process of its own with bounded time and
memory.

The template is the author's, the values may be anybody's: they are never part of the template, and
`html: true` escapes them."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from caseway_runner.connections.function import Call
from caseway_runner.errors import LimitExceeded, fault
from caseway_runner.process import Command, run_process

CPU_SECONDS = 5
MEMORY = 512 * 1024 * 1024

# Runs in the child. `StrictUndefined`: a misspelt name is an error, not a gap in a letter.
_PROGRAM = """
import json, sys
from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment
asked = json.load(sys.stdin)
environment = ImmutableSandboxedEnvironment(
    undefined=StrictUndefined, autoescape=asked["html"], keep_trailing_newline=True
)
try:
    sys.stdout.write(environment.from_string(asked["template"]).render(asked["values"]))
except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError, OverflowError) as error:
    line = getattr(error, "lineno", None)
    sys.stderr.write((f"line {line}: " if line else "") + str(error))
    sys.exit(3)
"""


async def run(call: Call) -> Any:
    """The function's output."""
    template, values = call.arguments["template"], call.arguments.get("values", {})
    if not isinstance(template, str) or not isinstance(values, Mapping):
        raise fault("configuration", "`template` is a text and `values` an object")
    asked = {"template": template, "values": values, "html": call.arguments.get("html") is True}
    result = await run_process(
        Command(
            arguments=(sys.executable, "-I", "-c", _PROGRAM),
            stdin=json.dumps(asked).encode("utf-8"),
            cpu_seconds=CPU_SECONDS,
            memory_bytes=MEMORY,
            output_bytes=call.output_bytes,
        )
    )
    if result.code == 3:
        raise fault("expression", f"the template cannot be filled: {result.stderr[:1000]}")
    if result.code < 0 or "MemoryError" in result.stderr:
        raise LimitExceeded("the template needs too much time or memory")
    if result.code:
        raise fault("configuration", f"templates need the package jinja2: {result.stderr[-300:]}")
    return result.stdout
