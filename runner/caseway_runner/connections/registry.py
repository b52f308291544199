"""The functions of the default catalog that come with the runner, by the names they are called by."""

from __future__ import annotations

from collections.abc import Mapping

from caseway_runner.connections.function import Function

VERSION = "1.0.0"

_ALL = (
    Function(
        name="sql",
        module="sql",
        types=frozenset({"postgres", "mysql"}),
        required=(),
        optional=("query", "parameters", "statements", "rows"),
    ),
    Function(
        name="redis",
        module="redis_commands",
        types=frozenset({"redis"}),
        required=(),
        optional=("command", "commands"),
    ),
    Function(
        name="s3",
        module="s3_objects",
        types=frozenset({"s3"}),
        required=("operation",),
        optional=("bucket", "key", "body", "contentType", "as", "prefix", "after", "limit"),
    ),
    Function(
        name="email",
        module="mail",
        types=frozenset({"smtp"}),
        required=("to", "subject"),
        optional=("from", "cc", "bcc", "replyTo", "text", "html"),
    ),
    Function(
        name="ai-chat",
        module="chat",
        types=frozenset({"ai-gateway"}),
        required=(),
        optional=(
            "model",
            "prompt",
            "messages",
            "system",
            "schema",
            "temperature",
            "maxTokens",
            "tools",
            "stop",
        ),
    ),
    Function(
        name="template", module="text", types=frozenset(), required=("template",), optional=("values", "html")
    ),
)
FUNCTIONS: Mapping[str, Function] = {each.name: each for each in _ALL}


def function_named(name: str) -> Function | None:
    """The function called `name`, `name:1.0.0` or `name:1.0.0@default`."""
    bare, _, rest = name.partition(":")
    return FUNCTIONS.get(bare) if rest in {"", VERSION, f"{VERSION}@default"} else None
