"""Taking a bundle into a project: what it needs, what stands for that here, and its files with the new names.

The one rule: nothing is guessed. A need is met by the same name or by a name the user gave.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from caseway.model.errors import CasewayError
from caseway.repo.bundle import Bundle
from caseway.repo.edits import Edit, apply
from caseway.repo.load import LoadedProject
from caseway.repo.parse import ParsedDocument, parse
from caseway.repo.quote import quoted
from caseway.repo.rules.calls import identity
from caseway.repo.rules.shape import items, mapping, suggestion, text
from caseway.repo.rules.view import DEFAULT_RUNTIME, View, spec

KINDS = ("connection", "runtime", "workflow")
_TEXTS = (".yaml", ".yml", ".json")
_PLACEHOLDER = re.compile(r"\$\[\[.*?\]\]")


@dataclass(frozen=True, slots=True)
class Need:
    """One thing the use case needs: `given` is its name here, "" when there is none, which `why` explains."""

    kind: str
    name: str
    given: str
    why: str = ""
    hint: str = ""


def mappings(words: tuple[str, ...]) -> dict[tuple[str, str], str]:
    """`connection:old=new` words as a table; raises CasewayError (`bad-mapping`)."""
    found: dict[tuple[str, str], str] = {}
    for word in words:
        kind, _, rest = word.partition(":")
        old, _, new = rest.partition("=")
        if kind not in KINDS[:2] or not old or not new:
            hint = "such as connection:erp=acme-erp or runtime:tools=default"
            raise CasewayError(f"{quoted(word)} is no mapping", code="bad-mapping", hint=hint)
        found[kind, old] = new
    return found


def needs(bundle: Bundle, project: LoadedProject, given: Mapping[tuple[str, str], str]) -> list[Need]:
    """Everything the bundle needs of `project`, met or not; raises CasewayError for an idle mapping."""
    view = View(project)
    wanted = dict(_wanted(bundle))
    for kind, name in given:
        if (kind, name) not in wanted:
            hint = suggestion(name, [old for each, old in wanted if each == kind], "it needs none")
            message = f"the bundle needs no {kind} {quoted(name)}"
            raise CasewayError(message, code="bad-mapping", hint=hint)
    return [
        _need(view, kind, name, detail, given.get((kind, name), ""))
        for (kind, name), detail in wanted.items()
    ]


def _wanted(bundle: Bundle) -> Iterator[tuple[tuple[str, str], str]]:
    for name, kind in mapping(bundle.needs, "connections").items():
        yield ("connection", str(name)), str(kind)
    for name in items(bundle.needs, "runtimes"):
        yield ("runtime", str(name)), ""
    for name in items(bundle.needs, "workflows"):
        yield ("workflow", str(name)), ""


def _need(view: View, kind: str, name: str, detail: str, given: str) -> Need:
    here = given or name
    known = _known(view, kind)
    if here not in known:
        hint = suggestion(here, known, "")
        way = f"--map {kind}:{name}=NAME, or add one" if kind != "workflow" else "import its use case first"
        return Need(
            kind, name, "", f"there is no {kind} {quoted(here)} here", f"{hint}; {way}" if hint else way
        )
    actual = text(spec(view.named("Connection")[here]), "type") if kind == "connection" else ""
    if detail and actual and actual != detail:
        return Need(
            kind, name, "", f"{quoted(here)} is of type {actual}, {detail} is needed", "map another one"
        )
    return Need(kind, name, here)


def _known(view: View, kind: str) -> frozenset[str]:
    if kind == "connection":
        return view.names("Connection")
    if kind == "runtime":
        return view.names("Runtime") | {DEFAULT_RUNTIME}
    return frozenset("/".join(identity(each)[:2]) for each in view.of_kind("Workflow"))


def adapted(bundle: Bundle, found: list[Need]) -> dict[str, bytes]:
    """The bundle's files, with the names that hold here."""
    renamed = {(need.kind, need.name): need.given for need in found if need.given and need.given != need.name}
    files = dict(bundle.files)
    for path, data in bundle.files.items():
        if path.endswith(_TEXTS) and renamed:
            files[path] = _adapted(data, path, renamed)
    return files


def _adapted(data: bytes, path: str, renamed: Mapping[tuple[str, str], str]) -> bytes:
    try:
        before = data.decode("utf-8")
    except UnicodeDecodeError:
        return data
    names = {old: new for (kind, old), new in renamed.items() if kind == "connection"}
    after = _PLACEHOLDER.sub(lambda match: _member(match[0], names), before) if names else before
    return (_declared(after, path, renamed) if path.startswith("usecase.") else after).encode()


def _member(expression: str, names: Mapping[str, str]) -> str:
    """A placeholder with `connections.<name>` replaced, all names at once."""
    either = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    member = re.compile(
        rf"\bconnections(?:\.(?P<plain>{either})(?![\w-])|\[\s*(?P<quote>['\"])(?P<key>{either})(?P=quote)\s*\])"
    )

    def renamed(match: re.Match[str]) -> str:
        new = names[match["plain"] or match["key"]]
        return f"connections.{new}" if new.isidentifier() else f"connections['{new}']"

    return member.sub(renamed, expression)


def _declared(content: str, path: str, renamed: Mapping[tuple[str, str], str]) -> str:
    """A use case's document with the names it declares replaced, each where it stands."""
    for index, document in enumerate(parse(content.encode(), path).documents):
        for pointer, new in _declarations(document, renamed):
            here = parse(content.encode(), path).documents[index]  # places move with each edit
            content = apply(content, Edit.of_value(here, pointer, new)) or content
    return content


def _declarations(
    document: ParsedDocument, renamed: Mapping[tuple[str, str], str]
) -> Iterator[tuple[str, str]]:
    wanted: Mapping[str, Any] = mapping(document.value, "spec")
    for index, name in enumerate(items(wanted, "connections")):
        if ("connection", name) in renamed:
            yield f"/spec/connections/{index}", renamed["connection", name]
    if ("runtime", text(wanted, "runtime")) in renamed:
        yield "/spec/runtime", renamed["runtime", text(wanted, "runtime")]
