"""CW403 to CW407: what placeholders name is declared, and what is declared is named.

The one rule: what cannot be known for certain (a computed name, an open schema) counts as right.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from caseway.repo.forms import parameters_schema
from caseway.repo.rules.placeholder_uses import uses
from caseway.repo.rules.rule import Finding, at
from caseway.repo.rules.shape import items, mapping, suggestion, text
from caseway.repo.rules.view import View, WorkflowEntry, spec

if TYPE_CHECKING:
    from caseway.repo.load import Document

_WORDS = {
    "params": "parameter",
    "credentials": "credential",
    "connections": "connection",
    "workflows": "workflow",
    "webhooks": "http trigger",
}


def undeclared_parameter(view: View) -> Iterator[Finding]:
    yield from _undeclared(view, ("params",))


def undeclared_name(view: View) -> Iterator[Finding]:
    yield from _undeclared(view, ("credentials", "connections", "workflows", "webhooks"))


def _undeclared(view: View, roots: tuple[str, ...]) -> Iterator[Finding]:
    seen: set[tuple[str, str, str]] = set()
    for use_case, document in _owned(view):
        found = uses(view, document)
        known = _declared(view, use_case) if found else {}
        for use in found:
            for reference in sorted(use.references):
                root, _, rest = reference.partition(".")
                name = rest.split(".")[0]
                names_here = known.get(root)
                place = (document.path, use.pointer, reference)
                if root not in roots or not name or names_here is None or name in names_here or place in seen:
                    continue
                seen.add(place)
                message = f'the use case "{use_case.name}" declares no {_WORDS[root]} "{name}"'
                hint = suggestion(name, names_here, f"declare it in {use_case.path}")
                yield at(document, use.pointer, message, hint)


def _declared(view: View, use_case: Document) -> Mapping[str, frozenset[str] | None]:
    return view.once(("declared", id(use_case)), lambda: declared(view, use_case))


def _owned(view: View) -> Iterator[tuple[Document, Document]]:
    """Each use case with the documents whose placeholders it must answer: itself, workflows, instances."""
    for use_case in view.of_kind("UseCase"):
        yield use_case, use_case
    for entries in view.workflows_of.values():
        for entry in entries:
            if entry.document is not None:
                yield entry.use_case, entry.document
    for instance in view.of_kind("Instance"):
        installed = view.named("UseCase").get(text(spec(instance), "useCase"))
        if installed is not None:
            yield installed, instance


def declared(view: View, use_case: Document) -> Mapping[str, frozenset[str] | None]:
    """What placeholders may name in a use case, by root; None when anything goes."""
    entries = view.workflows_of.get(use_case.path, ())
    ids = frozenset(entry.id for entry in entries)
    return {
        "params": parameters(use_case),
        "credentials": frozenset(mapping(spec(use_case), "credentials")),
        "connections": frozenset(
            name for name in items(spec(use_case), "connections") if isinstance(name, str)
        ),
        "workflows": ids,
        "webhooks": frozenset(_http_triggers(entries)),
    }


def _http_triggers(entries: tuple[WorkflowEntry, ...]) -> Iterator[str]:
    """What has an address: HTTP triggers by their own id, and by that of their workflow."""
    for entry in entries:
        for _, trigger in entry.triggers:
            if text(trigger, "type") == "http":
                yield from (entry.id, text(trigger, "id"))


def parameters(use_case: Document) -> frozenset[str] | None:
    """The names of the declared parameters; None when they cannot be known."""
    found = mapping(spec(use_case)).get("parameters")
    if found is None:
        return frozenset()
    if not isinstance(found, Mapping):
        return None
    try:
        schema = parameters_schema(found)
    except ValueError:
        return None
    if any(key in schema for key in ("$ref", "allOf", "anyOf", "oneOf", "patternProperties", "if")):
        return None
    return frozenset(mapping(schema, "properties"))


def unused_parameter(view: View) -> Iterator[Finding]:
    for use_case, used in view.once("used", lambda: tuple(_used(view))):
        for name in sorted((parameters(use_case) or frozenset()) - used.get("params", frozenset())):
            if "params" in used and "" in used["params"]:
                break
            pointer = _parameter_pointer(use_case, name)
            hint = f"use it as $[[ params.{name} ]], or remove it"
            yield at(use_case, pointer, f'no workflow uses the parameter "{name}"', hint, key=True)


def _parameter_pointer(use_case: Document, name: str) -> str:
    found = mapping(spec(use_case), "parameters")
    for index, field in enumerate(items(found, "fields")):
        if text(field, "key") == name:
            return f"/spec/parameters/fields/{index}"
    return (
        f"/spec/parameters/properties/{name}" if name in mapping(found, "properties") else "/spec/parameters"
    )


def unused_connection(view: View) -> Iterator[Finding]:
    for use_case, used in view.once("used", lambda: tuple(_used(view))):
        if "" in used.get("connections", frozenset()):
            continue
        for index, name in enumerate(items(spec(use_case), "connections")):
            if isinstance(name, str) and name not in used.get("connections", frozenset()):
                message = f'no workflow uses the connection "{name}"'
                hint = f"use it as $[[ connections.{name}.url ]], or remove it"
                yield at(use_case, f"/spec/connections/{index}", message, hint)


def unused_credential(view: View) -> Iterator[Finding]:
    for use_case, used in view.once("used", lambda: tuple(_used(view))):
        secrets = _secrets_used(view, use_case)
        for name in sorted(mapping(spec(use_case), "credentials")):
            if name not in used.get("credentials", frozenset()) and name not in secrets:
                hint = f"list it in a workflow's use.secrets and read it as $secrets.{name}, or remove it"
                pointer = f"/spec/credentials/{name}"
                yield at(use_case, pointer, f'no workflow uses the credential "{name}"', hint, key=True)


def _secrets_used(view: View, use_case: Document) -> frozenset[str]:
    found: set[str] = set()
    for entry in view.workflows_of.get(use_case.path, ()):
        found.update(text(trigger, "verify", "credential") for _, trigger in entry.triggers)
        if entry.document is not None:
            found.update(
                name for name in items(entry.document.value, "use", "secrets") if isinstance(name, str)
            )
    return frozenset(found)


def _used(view: View) -> Iterator[tuple[Document, Mapping[str, frozenset[str]]]]:
    """For each use case whose workflows could all be read and are native: names used, by placeholder root;
    "" among them when some name is computed."""
    for path, entries in view.workflows_of.items():
        documents = [entry.document for entry in entries if entry.document is not None]
        if len(documents) < len(entries) or any(document.kind != "Workflow" for document in documents):
            continue
        if any(entry.use_case.path != path for entry in entries):
            continue
        found: dict[str, set[str]] = {}
        for document in (entries[0].use_case, *documents):
            for use in uses(view, document):
                for reference in use.references:
                    root, _, rest = reference.partition(".")
                    found.setdefault(root, set()).add(rest.split(".")[0])
        yield entries[0].use_case, {root: frozenset(used) for root, used in found.items()}
