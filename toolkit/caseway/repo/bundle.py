"""One use case as one file that another project can take in: a zip, with a manifest of what it needs.

The one rule: what comes in is not trusted. Names stay inside, sizes are bounded, digests are checked, and
nothing is written to disk here.
"""

from __future__ import annotations

import hashlib
import io
import json
import posixpath
import stat
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from caseway.model.errors import CasewayError
from caseway.repo.load import Document, LoadedProject
from caseway.repo.quote import is_printable, quoted
from caseway.repo.rules.calls import calls, identity
from caseway.repo.rules.shape import mapping, text, texts
from caseway.repo.rules.view import DEFAULT_RUNTIME, View, spec

FORMAT = "1"
MANIFEST = "bundle.json"
MOST_FILES = 2000
MOST_BYTES = 50_000_000
_FOLDER = "use-case/"
_LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the same use case gives the same bytes


@dataclass(frozen=True, slots=True)
class Bundle:
    """A use case on its way. `files` are relative to its folder; `needs` is what its new project must have:
    `connections` by name with their type, `runtimes` and `workflows` (`namespace/name`) by name, and
    `credentials` by slot, for the instances to bind."""

    name: str
    files: Mapping[str, bytes]
    needs: Mapping[str, Any]
    source: Mapping[str, Any]


def gather(project: LoadedProject, name: str, *, commit: str = "", digest: str = "") -> Bundle:
    """The use case of that name with every file of its folder; raises CasewayError (`not-found`)."""
    view = View(project)
    use_case = view.named("UseCase").get(name)
    if use_case is None:
        known = ", ".join(sorted(view.names("UseCase"))) or "none"
        message = f"there is no use case {quoted(name)}"
        raise CasewayError(message, code="not-found", hint=f"the use cases here: {known}")
    folder = posixpath.dirname(use_case.path)
    below = f"{folder}/" if folder else ""
    files = {path[len(below) :]: project.read(path) for path in project.paths if _is_carried(path, below)}
    source = {"project": project.name, "commit": commit, "digest": digest}
    return Bundle(name, files, _needs(view, use_case, below), source)


def _is_carried(path: str, below: str) -> bool:
    return path.startswith(below) and not any(part.startswith(".") for part in path[len(below) :].split("/"))


def _needs(view: View, use_case: Document, below: str) -> dict[str, Any]:
    wanted = spec(use_case)
    connections = {
        name: text(spec(view.named("Connection")[name]), "type") if name in view.names("Connection") else ""
        for name in texts(wanted, "connections")
    }
    runtime = text(wanted, "runtime")
    credentials = {
        str(slot): {key: declared[key] for key in ("type", "scope", "required") if key in declared}
        for slot, declared in ((slot, mapping(each)) for slot, each in mapping(wanted, "credentials").items())
    }
    return {
        "connections": connections,
        "runtimes": [runtime] if runtime and runtime != DEFAULT_RUNTIME else [],
        "workflows": sorted(set(_foreign_calls(view, below))),
        "credentials": credentials,
    }


def _foreign_calls(view: View, below: str) -> Iterator[str]:
    """The sub-workflows that are called and that the folder does not hold."""
    mine = [each for each in view.of_kind("Workflow") if each.path.startswith(below)]
    own = {identity(each)[:2] for each in mine}
    for document in mine:
        for call in calls(view, document):
            if (call.namespace, call.name) not in own:
                yield f"{call.namespace}/{call.name}"


def pack(bundle: Bundle) -> bytes:
    """The bundle as the bytes of a zip; the same bundle always gives the same bytes."""
    manifest = {
        "formatVersion": FORMAT,
        "useCase": bundle.name,
        "source": bundle.source,
        "needs": bundle.needs,
        "files": {path: _sha(data) for path, data in sorted(bundle.files.items())},
    }
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, MANIFEST, (json.dumps(manifest, indent=2, ensure_ascii=False) + "\n").encode())
        for path, data in sorted(bundle.files.items()):
            _add(archive, _FOLDER + path, data)
    return stream.getvalue()


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    entry = zipfile.ZipInfo(name, _LONG_AGO)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = (stat.S_IFREG | 0o644) << 16
    archive.writestr(entry, data)


def unpack(data: bytes) -> Bundle:
    """The bundle in the bytes of a zip; raises CasewayError (`bad-bundle`) for anything else or unsafe."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            content = _content(archive)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise _bad("it is no zip that can be read") from error
    try:
        manifest = json.loads(content.pop(MANIFEST, b""))
    except (ValueError, RecursionError) as error:
        raise _bad(f"it has no {MANIFEST} that can be read") from error
    version = mapping(manifest).get("formatVersion")
    if version != FORMAT:
        raise _bad(f"its format is {quoted(str(version)[:20])}, this version of Caseway reads {FORMAT}")
    files = {path.removeprefix(_FOLDER): data for path, data in content.items() if path.startswith(_FOLDER)}
    if mapping(manifest, "files") != {path: _sha(data) for path, data in files.items()}:
        raise _bad("its files are not those that its manifest names")
    name = text(manifest, "useCase")
    if not name or not any(path in files for path in ("usecase.yaml", "usecase.yml", "usecase.json")):
        raise _bad("it holds no use case")
    return Bundle(name, files, mapping(manifest, "needs"), mapping(manifest, "source"))


def _content(archive: zipfile.ZipFile) -> dict[str, bytes]:
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    if len(entries) > MOST_FILES:
        raise _bad(f"it holds {len(entries):,} files, at most {MOST_FILES:,} are read")
    content: dict[str, bytes] = {}
    room = MOST_BYTES
    for entry in entries:
        _check_name(entry, content)
        with archive.open(entry) as stream:
            found = stream.read(room + 1)  # what the entry says about its size is not believed
        room -= len(found)
        if room < 0:
            raise _bad(f"it unpacks to more than {MOST_BYTES // 1_000_000} MB")
        content[entry.filename] = found
    return content


def _check_name(entry: zipfile.ZipInfo, content: Mapping[str, bytes]) -> None:
    name = entry.filename
    kind = stat.S_IFMT(entry.external_attr >> 16)
    is_plain = kind in {0, stat.S_IFREG}
    parts = name.split("/")
    is_inside = not name.startswith("/") and "\\" not in name and ":" not in parts[0]
    is_inside = is_inside and not any(not part or part.startswith(".") for part in parts)
    if not is_plain or not is_inside or not is_printable(name) or name in content:
        raise _bad(f"the entry {quoted(name[:80])} may not be taken in")


def _sha(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _bad(message: str) -> CasewayError:
    hint = "bundles are made by 'caseway export USE_CASE'"
    return CasewayError(f"this is no bundle to import: {message}", code="bad-bundle", hint=hint)
