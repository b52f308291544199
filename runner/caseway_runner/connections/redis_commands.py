"""`call: redis`: one command, or several in one transaction (MULTI and EXEC)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from caseway_runner.connections.function import Call, needs
from caseway_runner.errors import fault

SECONDS = 30
# What holds a connection for ever, changes the server, or runs code on it.
REFUSED = frozenset(
    {"SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "MONITOR", "SHUTDOWN", "CONFIG", "DEBUG", "MODULE", "SLAVEOF"}
    | {
        "REPLICAOF",
        "ACL",
        "MIGRATE",
        "SAVE",
        "BGSAVE",
        "CLUSTER",
        "FLUSHALL",
        "SYNC",
        "PSYNC",
        "EVAL",
        "SCRIPT",
    }
)


async def run(call: Call) -> Any:
    """The function's output."""
    commands = _commands(call.arguments)
    try:
        from redis import asyncio as redis  # noqa: PLC0415 - an optional library
        from redis.exceptions import ConnectionError as Unreachable  # noqa: PLC0415
        from redis.exceptions import RedisError  # noqa: PLC0415
        from redis.exceptions import TimeoutError as Late  # noqa: PLC0415
    except ImportError as error:
        raise needs("redis", error) from error
    to = call.to
    scheme = "rediss" if to.parts.scheme == "rediss" else "redis"
    client = redis.Redis.from_url(
        to.with_account(scheme), socket_timeout=SECONDS, socket_connect_timeout=SECONDS, decode_responses=True
    )
    try:
        if "command" in call.arguments:
            answer = await client.execute_command(*commands[0])  # type: ignore[no-untyped-call] # redis has no types here
            return _json(answer)
        async with client.pipeline(transaction=True) as pipeline:
            for command in commands:
                pipeline.execute_command(*command)
            return [_json(answer) for answer in await pipeline.execute()]
    except (Unreachable, Late) as error:
        raise fault("communication", f"connection {to.name}: {error}") from error
    except RedisError as error:
        raise fault("runtime", f"connection {to.name}: {error}") from error
    finally:
        await client.aclose()


def _commands(arguments: Mapping[str, Any]) -> list[list[str]]:
    if ("command" in arguments) == ("commands" in arguments):
        raise fault("configuration", "give either `command` or `commands`")
    given = [arguments["command"]] if "command" in arguments else arguments["commands"]
    if not _is_list(given) or not given or not all(_is_list(item) and item for item in given):
        raise fault("configuration", "a command is a list of words, such as [GET, key]")
    found = [[_word(word) for word in item] for item in given]
    for command in found:
        if command[0].upper() in REFUSED:
            raise fault("authorization", f"the command {command[0].upper()} is not for workflows")
    return found


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _word(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise fault("configuration", "the words of a command are texts and numbers; encode anything else")
    return str(value)


def _json(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _json(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_json(each) for each in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)
