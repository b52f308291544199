"""CW71x and CW72x: no secret is written down, and what needs one says which and gets it by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from caseway.model.credential_types import TYPES
from caseway.repo.json_pointer import token
from caseway.repo.rules.rule import Finding, at, milder
from caseway.repo.rules.shape import items, mapping, suggestion, text
from caseway.repo.rules.view import View, spec
from caseway.repo.secrets_scan import Secret, is_literal_secret, is_random

if TYPE_CHECKING:
    from caseway.repo.load import Document

_HOW = (
    "store it with `caseway credential set`, and read it at run time as $secrets.<name>; then revoke this one"
)
# Maps from names the author chose to names of credentials or kinds: a telling name there is no secret.
_NAMES_ONLY = ("/spec/credentials", "/spec/sharing", "/use/secrets", "/document", "/metadata")


def clear_token(view: View) -> Iterator[Finding]:
    yield from _in_texts(view.texts.tokens, "this looks like a {kind} ({shown})")


def url_login(view: View) -> Iterator[Finding]:
    yield from _in_texts(view.texts.logins, "this URL carries a password ({shown})")


def _in_texts(found: Mapping[str, tuple[Secret, ...]], words: str) -> Iterator[Finding]:
    for path, secrets in found.items():
        for secret in secrets:
            message = words.format(kind=secret.kind, shown=secret.shown)
            yield Finding(path, secret.line, secret.column, "", message, _HOW)


def clear_secret(view: View) -> Iterator[Finding]:
    for document in view.documents:
        if document.kind == "WorkflowTest":
            continue  # tests need stand-ins for secrets; well-known tokens are found there too
        for pointer, value in view.marks(document).telling:
            if pointer.startswith(_NAMES_ONLY) or not is_literal_secret(value):
                continue
            looks = " and looks generated" if is_random(value) else ""
            message = f"the value of {pointer.rsplit('/', 1)[-1]!r} is written in clear text{looks}"
            yield at(document, pointer, message, _HOW)


def unknown_slot(view: View) -> Iterator[Finding]:
    for use_case, instance in _installed(view):
        known = mapping(spec(use_case), "credentials")
        for name in mapping(spec(instance), "credentials"):
            if name not in known:
                message = f'the use case needs no credential "{name}"'
                hint = suggestion(str(name), known, "it needs none")
                found = at(instance, f"/spec/credentials/{token(str(name))}", message, hint, key=True)
                yield milder(found, instance)


def _installed(view: View) -> Iterator[tuple[Document, Document]]:
    for name, instances in view.instances_of.items():
        use_case = view.named("UseCase").get(name)
        if use_case is not None:
            for instance in instances:
                yield use_case, instance


def unbound_slot(view: View) -> Iterator[Finding]:
    for use_case, instance in _installed(view):
        bound = mapping(spec(instance), "credentials")
        for name, slot in mapping(spec(use_case), "credentials").items():
            if name not in bound and mapping(slot).get("required", True) is True:
                scope = text(slot, "scope") or "organization"
                message = (
                    f'the required credential "{name}" is not bound: one stored as "{name}" is looked for'
                )
                hint = f"write spec.credentials.{name}: <name of a stored {scope} credential>"
                yield at(instance, "/spec/credentials", message, hint)


def mixed_types(view: View) -> Iterator[Finding]:
    seen: dict[tuple[str, str], tuple[str, str]] = {}
    for use_case, instance in _installed(view):
        slots = mapping(spec(use_case), "credentials")
        for slot, name in mapping(spec(instance), "credentials").items():
            kind, scope = text(slots, slot, "type"), text(slots, slot, "scope") or "organization"
            if kind in ("", "custom") or not isinstance(name, str):
                continue
            first_kind, first_path = seen.setdefault((scope, name), (kind, instance.path))
            if first_kind != kind:
                message = f'"{name}" is bound here as {kind}, but in {first_path} as {first_kind}'
                hint = f"a stored {scope} credential has one type: bind two of different names"
                yield at(instance, f"/spec/credentials/{slot}", message, hint)


def unknown_type(view: View) -> Iterator[Finding]:
    own = _own_types(view)
    for use_case in view.of_kind("UseCase"):
        for name, slot in mapping(spec(use_case), "credentials").items():
            kind = text(slot, "type")
            if kind and kind not in TYPES and kind not in own:
                message = f'there is no credential type "{kind}"'
                hint = suggestion(
                    kind,
                    {*TYPES, *own},
                    "take a built-in one, or declare it in credentialTypes of caseway.yaml",
                )
                yield at(use_case, f"/spec/credentials/{token(str(name))}/type", message, hint)


def hidden_type(view: View) -> Iterator[Finding]:
    for project in view.of_kind("Project"):
        for name in mapping(spec(project), "credentialTypes"):
            if name in TYPES:
                pointer = f"/spec/credentialTypes/{token(str(name))}"
                yield at(project, pointer, f'"{name}" is a built-in type', "give it another name", key=True)


def _own_types(view: View) -> frozenset[str]:
    return frozenset(
        str(name) for project in view.of_kind("Project") for name in mapping(spec(project), "credentialTypes")
    )


def undeclared_secret(view: View) -> Iterator[Finding]:
    for entry in view.workflows:
        if entry.document is None:
            continue
        known = mapping(spec(entry.use_case), "credentials")
        for index, name in enumerate(items(entry.document.value, "use", "secrets")):
            if isinstance(name, str) and name not in known:
                message = f'the use case "{entry.use_case.name}" declares no credential "{name}"'
                hint = suggestion(name, known, f"add it to spec.credentials of {entry.use_case.path}")
                yield at(entry.document, f"/use/secrets/{index}", message, hint)


def owned_by_nobody(view: View) -> Iterator[Finding]:
    """`user` and `member` credentials belong to a person; an organization's process runs for none."""
    for use_case in view.of_kind("UseCase"):
        if text(spec(use_case), "processType") != "organizational":
            continue
        for name, slot in mapping(spec(use_case), "credentials").items():
            scope = text(slot, "scope")
            if scope == "user":
                message = (
                    f'"{name}" is the credential of one user, but an organizational process belongs to none'
                )
                hint = "use scope organization, member or flexible, or processType personal"
                yield at(use_case, f"/spec/credentials/{name}/scope", message, hint)
