"""Messages of a broker as they can start executions: read, named, judged. Nothing is stored here.

Rule: what is wrong with a message is a value; no message can stop those behind it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import caseway_runner as runner
from caseway.platform.intake.messages import Letter
from caseway_runner.queues.queue import QueueMessage

DEEPEST = 200  # levels of JSON: more is an attack on whoever reads it next
_MOST_WORDS = 300


def letter_of(message: QueueMessage, definition: Mapping[str, Any], validator: Any) -> Letter:
    """What a message comes to under a trigger's definition; expressions are asked, which may take a while."""
    text = message.content.decode("utf-8", "replace")
    try:
        payload = _payload(message.content, str(definition.get("format") or "auto"))
        whole = {"payload": payload, "headers": dict(message.headers), "id": message.id}
        name = _name(definition, whole) or message.id
    except ValueError as error:
        return Letter(message.id, None, str(error)[:_MOST_WORDS], text)
    given = whole if definition.get("input") == "message" else payload
    return Letter(name, given, _misfit(validator, given), text)


def _payload(content: bytes, format: str) -> Any:
    if format == "text":
        return content.decode("utf-8")
    try:
        value = json.loads(content, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        if format == "json":
            raise ValueError(f"the message is not JSON: {error}") from error
        return _plain(content)
    if _is_deep(value):
        raise ValueError(f"the message is nested more than {DEEPEST} levels deep")
    return value


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no JSON number")


def _plain(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return base64.b64encode(content).decode("ascii")


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        level = [
            below
            for item in level
            if isinstance(item, dict | list)
            for below in (item.values() if isinstance(item, dict) else item)
        ]
        if not level:
            return False
    return True


def _name(definition: Mapping[str, Any], whole: Mapping[str, Any]) -> str:
    """What identifies the message by its `key`, "" when it has none."""
    program = definition.get("key")
    if not program:
        return ""
    found = runner.compile_expression(str(program), ()).evaluate(whole, {})
    return key_text(found)


def key_text(found: Any) -> str:
    """A key as text. Raises `ValueError` when it identifies nothing."""
    if found is None or found == "" or found is False:
        raise ValueError("the key is empty: what has no key cannot be told apart")
    return found if isinstance(found, str) else json.dumps(found, sort_keys=True, separators=(",", ":"))


def _misfit(validator: Any, value: Any) -> str:
    """What is wrong with an input, "" when it fits."""
    error = next(iter(validator.iter_errors(value)), None) if validator is not None else None
    if error is None:
        return ""
    place = "".join(f"/{part}" for part in error.instance_path)
    return f"the message does not fit the input of the workflow: {place or '/'}: {error.message}"[
        :_MOST_WORDS
    ]
