"""Proto files compiled to message classes at run time, by protoc in a process of its own.

Rule: nothing of a proto file runs in this process; it sees the finished descriptors only."""

from __future__ import annotations

import base64
import json
import re
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urljoin

from caseway_runner.calls.extras import needed
from caseway_runner.errors import fault
from caseway_runner.process import Command, run_process

MAX_FILES = 100
_IMPORT = re.compile(r"""^\s*import\s+(?:public\s+|weak\s+)?["']([^"']+)["']\s*;""", re.MULTILINE)
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
# Reads {"name": "text"} from stdin, the file to compile is the first argument, and prints descriptors.
_PROTOC = """
import base64, json, pathlib, sys
import grpc_tools
from grpc_tools import protoc
for name, text in json.load(sys.stdin).items():
    path = pathlib.Path("files") / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
known = str(pathlib.Path(grpc_tools.__file__).parent / "_proto")
code = protoc.main(["protoc", "-Ifiles", "-I" + known, "--include_imports", "-oset.bin", sys.argv[1]])
if code:
    sys.exit(code)
print(base64.b64encode(pathlib.Path("set.bin").read_bytes()).decode())
"""


async def gather(
    name: str, url: str, text: str, read: Callable[[str], Awaitable[bytes]]
) -> Mapping[str, str]:
    """The proto file and everything it imports, by import path. Imports are found beside the file."""
    found, todo = {name: text}, [text]
    while todo:
        for path in _IMPORT.findall(_COMMENT.sub("", todo.pop())):
            if path in found or path.startswith("google/protobuf/"):
                continue
            if path.startswith("/") or ".." in path.split("/") or "://" in path:
                raise fault("configuration", f"the proto file imports '{path[:200]}', which is not a path")
            if len(found) >= MAX_FILES:
                raise fault("configuration", f"the proto file imports more than {MAX_FILES} files")
            found[path] = decoded(await read(urljoin(url, path)))
            todo.append(found[path])
    return found


def decoded(content: bytes) -> str:
    """The text of a proto file."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise fault("configuration", "the proto file is not UTF-8 text") from error


async def compiled(name: str, files: Mapping[str, str]) -> Any:
    """A descriptor pool with the file `name` and its imports. Raises a configuration fault with protoc's
    words when it does not compile."""
    needed("grpc_tools", "grpc")
    command = Command(
        arguments=[sys.executable, "-I", "-c", _PROTOC, name],
        stdin=json.dumps(files).encode(),
        cpu_seconds=30,
    )
    result = await run_process(command)
    if result.code != 0:
        words = result.stderr.strip()[-1500:] or f"protoc ended with code {result.code}"
        raise fault("configuration", f"the proto file does not compile: {words}")
    descriptors = needed("google.protobuf.descriptor_pb2", "grpc")
    pool = needed("google.protobuf.descriptor_pool", "grpc").DescriptorPool()
    found = descriptors.FileDescriptorSet.FromString(base64.b64decode(result.stdout))
    for file in found.file:
        pool.Add(file)
    return pool, tuple(
        f"{file.package}.{service.name}".lstrip(".") for file in found.file for service in file.service
    )
