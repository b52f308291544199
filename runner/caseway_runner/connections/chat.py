"""`call: ai-chat`: one answer of a model behind a gateway that speaks OpenAI's chat completions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from caseway_runner.calls.http import check_status
from caseway_runner.connections.function import Call
from caseway_runner.errors import fault
from caseway_runner.http_client import Request
from caseway_runner.shape import BadSchema, prepare

_PLAIN = {"temperature": "temperature", "maxTokens": "max_tokens", "tools": "tools", "stop": "stop"}


async def run(call: Call) -> Any:
    """The function's output."""
    body = _body(call)
    key = str(call.to.credential.get("key") or call.to.credential.get("token") or "")
    headers = {
        "Content-Type": "application/json",
        "Idempotency-Key": call.activation.key,
        **({"Authorization": f"Bearer {key}"} if key else {}),
    }
    request = Request(
        "POST", f"{call.to.url.rstrip('/')}/chat/completions", headers, body=json.dumps(body).encode("utf-8")
    )
    response = await call.activation.run.session.http.send(request)
    check_status(response, request, False)
    try:
        answer = json.loads(response.body)
        choice = answer["choices"][0]
        message = choice["message"]
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise fault("communication", f"the gateway's answer is no chat completion: {error}") from error
    return _shaped(call, answer, choice, message)


def _body(call: Call) -> dict[str, Any]:
    given = call.arguments
    body: dict[str, Any] = {"model": _model(call), "messages": _messages(given)}
    body |= {theirs: given[ours] for ours, theirs in _PLAIN.items() if ours in given}
    if "schema" in given:
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "answer", "strict": True, "schema": given["schema"]},
        }
    return body


def _model(call: Call) -> str:
    """The model asked for, which the connection must offer; else the first it offers."""
    offered = call.to.models
    wanted = call.arguments.get("model") or (offered[0] if offered else "")
    if not isinstance(wanted, str) or not wanted:
        raise fault("configuration", f"which model? Connection {call.to.name} lists none")
    if offered and wanted not in offered:
        known = ", ".join(offered)
        raise fault("authorization", f"connection {call.to.name} offers {known}, not {wanted}")
    return wanted


def _messages(given: Mapping[str, Any]) -> list[Any]:
    messages = given.get("messages")
    if messages is None:
        messages = [{"role": "user", "content": str(given.get("prompt") or "")}]
        if not given.get("prompt"):
            raise fault("configuration", "give `prompt` or `messages`")
    if not isinstance(messages, Sequence) or isinstance(messages, str) or not messages:
        raise fault("configuration", "`messages` is a list of {role, content}")
    system = [{"role": "system", "content": str(given["system"])}] if given.get("system") else []
    return [*system, *messages]


def _shaped(
    call: Call, answer: Mapping[str, Any], choice: Mapping[str, Any], message: Mapping[str, Any]
) -> Any:
    usage = answer.get("usage") or {}
    found: dict[str, Any] = {
        "content": message.get("content"),
        "role": message.get("role", "assistant"),
        "finishReason": choice.get("finish_reason"),
        "model": answer.get("model"),
        "usage": {
            "promptTokens": usage.get("prompt_tokens", 0),
            "completionTokens": usage.get("completion_tokens", 0),
            "totalTokens": usage.get("total_tokens", 0),
        },
    }
    if message.get("tool_calls"):
        found["toolCalls"] = message["tool_calls"]
    if "schema" in call.arguments:
        found["data"] = _data(call.arguments["schema"], message.get("content"))
    return found


def _data(schema: Any, content: Any) -> Any:
    """The answer as data that fits the schema: a model's word for it is not enough."""
    try:
        data = json.loads(content or "")
        shape = prepare(schema)
    except BadSchema as error:
        raise fault("configuration", f"`schema` is no JSON Schema: {error}") from error
    except (ValueError, TypeError) as error:
        raise fault("validation", f"the model's answer is not JSON: {error}") from error
    complaint = shape.complaint(data)
    if complaint:
        raise fault("validation", f"the model's answer does not match the schema: {complaint}")
    return data
