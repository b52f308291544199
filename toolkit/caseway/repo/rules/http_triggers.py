"""CW62x: what an http trigger asks of its callers can be met, and keeps out whom it should."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from caseway.repo.placeholders import OPENING
from caseway.repo.rules.rule import Finding, at
from caseway.repo.rules.shape import mapping, suggestion, text, texts
from caseway.repo.rules.triggers import methods_of, of_type
from caseway.repo.rules.view import View, spec

_HMAC_ONLY = ("header", "prefix", "algorithm", "encoding", "timestampHeader", "signed", "idHeader")
_RESERVED = "/executions"  # below it callers ask for the executions they have started


def unknown_secret(view: View) -> Iterator[Finding]:
    for entry, pointer, trigger in of_type(view, "http"):
        slot = text(trigger, "verify", "credential")
        slots = mapping(spec(entry.use_case), "credentials")
        if slot and slot not in slots:
            message = f'the use case declares no credential "{slot}" to verify requests with'
            hint = suggestion(slot, slots, f"declare it: credentials: {{{slot}: {{type: custom}}}}")
            yield at(entry.use_case, f"{pointer}/verify/credential", message, hint)


def idle_verify(view: View) -> Iterator[Finding]:
    for entry, pointer, trigger in of_type(view, "http"):
        is_asked = text(trigger, "auth") == "verify"
        if is_asked and not mapping(trigger, "verify"):
            message = "requests shall be verified, but nothing says how"
            yield at(entry.use_case, f"{pointer}/auth", message, "add verify: {type: …, credential: …}")
        elif "verify" in trigger and not is_asked:
            message = "signatures are not looked at, for auth does not say verify"
            yield at(entry.use_case, f"{pointer}/verify", message, "write auth: verify", key=True)


def idle_key(view: View) -> Iterator[Finding]:
    for entry, pointer, trigger in of_type(view, "http"):
        verify = mapping(trigger, "verify")
        kind = text(verify, "type")
        for key in _HMAC_ONLY if kind and kind != "hmac" else ():
            if key in verify:
                message = f"{kind} fixes how requests are signed: {key} is not read"
                hint = "remove it, or use type: hmac"
                yield at(entry.use_case, f"{pointer}/verify/{key}", message, hint, key=True)
        if "method" in trigger and "methods" in trigger:
            hint = "name all methods in methods"
            yield at(entry.use_case, f"{pointer}/method", "methods is given: method is not read", hint)


def endless_replay(view: View) -> Iterator[Finding]:
    for entry, pointer, trigger in of_type(view, "http"):
        verify = mapping(trigger, "verify")
        if text(verify, "type") == "hmac" and not {"timestampHeader", "idHeader"} & set(verify):
            message = "who has seen one signed request can send it again and again"
            hint = "name the sender's timestampHeader or idHeader, if it has one"
            yield at(entry.use_case, f"{pointer}/verify", message, hint, key=True)


def unsigned_time(view: View) -> Iterator[Finding]:
    for entry, pointer, trigger in of_type(view, "http"):
        verify = mapping(trigger, "verify")
        signed = text(verify, "signed")
        for key, part in (("timestampHeader", "{timestamp}"), ("idHeader", "{id}")):
            is_wanted = key == "timestampHeader" and key in verify and "signed" in verify
            if is_wanted and part not in signed:
                message = f"the time in {text(verify, key)} is not part of what is signed: anybody may set it"
                yield at(entry.use_case, f"{pointer}/verify/signed", message, f"add {part} to signed")
            elif part in signed and key not in verify:
                message = f"{part} is signed, but no {key} says where to find it"
                yield at(entry.use_case, f"{pointer}/verify/signed", message, f"add {key}")


def bad_address(view: View) -> Iterator[Finding]:
    for entry, pointer, trigger in of_type(view, "http"):
        for index, network in enumerate(texts(trigger, "allow")):
            problem = "" if OPENING in network else _address_problem(network)
            if problem:
                hint = "an address such as 192.0.2.7, or a network such as 192.0.2.0/24"
                yield at(entry.use_case, f"{pointer}/allow/{index}", problem, hint)


def _address_problem(network: str) -> str:
    try:
        ipaddress.ip_network(network, strict=True)
    except ValueError as error:
        return f"this is no network: {error}"
    return ""


def reserved_path(view: View) -> Iterator[Finding]:
    for entry, pointer, trigger in of_type(view, "http"):
        path = text(trigger, "path")
        is_below = path == _RESERVED or path.startswith(_RESERVED + "/")
        if is_below and "GET" in methods_of(trigger):
            message = f"GET {_RESERVED}/… is where callers ask how an execution stands"
            yield at(entry.use_case, f"{pointer}/path", message, "choose another path")


def long_wait(view: View) -> Iterator[Finding]:
    for entry, pointer, trigger in of_type(view, "http"):
        limit = text(trigger, "timeout")
        response = text(trigger, "response") or text(entry.entry, "response")
        if limit and response != "sync":
            message = "nobody waits: the trigger does not answer with the output"
            yield at(entry.use_case, f"{pointer}/timeout", message, "add response: sync, or remove timeout")
